"""One graph in a process of its own: load, discover, bind, run, compare with the labels. Prints one JSON object.

    python -m strangers.probe PROJECT GRAPH ROOT measure|write|read

`write` puts marked texts into the source below ROOT, which is a copy; `read` says what is there now.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import io
import json
import os
import re
import statistics
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command

from langgraph_gepa.agent.discovery import Survey, survey
from langgraph_gepa.agent.loading import load_graph
from langgraph_gepa.errors import Error as OurError
from langgraph_gepa.search.module import Module
from langgraph_gepa.source.diff import plan
from strangers import rehearsal, standins
from strangers.labels import Anchor, AnchorError, GraphLabels, Matching, Project, anchored, match, plain, projects
from strangers.loopback import Json, Loopback, script_of, strings

SECONDS = 90
ROUNDS = 3
"""Runs in which a graph may come to rest."""
KINDS = ("prompt", "tool", "schema")


def probe(project: Project, graph: GraphLabels, root: Path, server: Loopback) -> Json:
    """The row of one graph."""
    row: Json = {"notes": []}
    adapter = _adapter(project)
    loaded = _loaded(project, graph, root, adapter)
    anchors, texts = [], []
    for label in graph.texts:
        try:
            anchors.append(anchored(label, root))
            texts.append(label)
        except AnchorError as gone:
            row["notes"].append(f"label: {gone}")
    before, row["steady"] = _settled(loaded, graph, adapter, server, row["notes"])
    started = time.process_time()
    found = survey(loaded, kinds=KINDS)
    row["discovery_ms"] = (time.process_time() - started) * 1000
    started = time.process_time()
    survey(loaded, kinds=KINDS)
    row["again_ms"] = (time.process_time() - started) * 1000
    row |= _compared(anchors, paired := match(anchors, found.modules, root), before)
    _bind(row, found, {i: m for i, m in paired.found.items() if not m.reason}, graph, adapter, server, before)
    after = _calls(loaded, graph, adapter, server, [])
    row["watched"] = _watched(anchors, root, loaded, graph, adapter, server, before)
    after += (last := _calls(loaded, graph, adapter, server, []))
    row["original_marked"] = sum(bool(re.search(r"ZQ\d+QZ", said)) for said in after)
    row["original_same"] = Counter(map(_steady, before)) == Counter(map(_steady, last))
    return row


def _settled(
    loaded: Any, graph: GraphLabels, adapter: ModuleType | None, server: Loopback, notes: list[str]
) -> tuple[list[str], bool]:
    """The calls of the graph as it is, once two rounds in a row make the same ones; and whether any do.

    A graph may keep something of its own from run to run: its first runs are not what it is compared with.
    """
    before = _calls(loaded, graph, adapter, server, notes)
    for _ in range(ROUNDS):
        again = _calls(loaded, graph, adapter, server, [])
        if Counter(map(_steady, before)) == Counter(map(_steady, again)):
            return before, True
        before = again
    return before, False


def _compared(anchors: list[Anchor], paired: Matching, before: list[str]) -> Json:
    """The labels, each with its module, and the modules without a label."""
    strays = [{**_shown(m), "double": anchors[i].label.name} for i, m in paired.double if _stray(anchors[i], m)]
    return {
        "labels": [_label(i, a, paired, before) for i, a in enumerate(anchors)],
        "false": [*(_shown(m) for m in paired.strange if m.on), *strays],
        "pieces": [{**_shown(m), "of": anchors[i].label.name} for i, m in paired.pieces if m.on],
        "greyed": [_shown(m) for m in paired.strange if m.kind == "prompt" and not m.on],
        "false_tools": [_shown(m) for m in paired.strange if m.kind == "tool"],
    }


def _watched(
    anchors: list[Anchor], root: Path, loaded: Any, graph: GraphLabels,
    adapter: ModuleType | None, server: Loopback, before: list[str],
) -> Json:  # fmt: skip
    """What is known of the graph once it was run on examples, and whether what was not known before can be bound."""
    known = {module.name for module in survey(loaded, kinds=KINDS).modules}
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            rehearsal.rehearse_all(loaded, graph.runs, adapter, server)
    except Exception as failed:  # noqa: BLE001 - a stranger's graph, or what it makes of ours
        return {"error": "".join(traceback.format_exception_only(_first(failed))).strip()[:300]}
    found = survey(loaded, kinds=KINDS)
    row = _compared(anchors, paired := match(anchors, found.modules, root), before) | {"notes": []}
    new = {i: m for i, m in paired.found.items() if not m.reason and m.name not in known}
    _bind(row, found, new, graph, adapter, server, before)
    return row


def _first(failed: BaseException) -> BaseException:
    return _first(failed.exceptions[0]) if isinstance(failed, BaseExceptionGroup) else failed


def _adapter(project: Project) -> ModuleType | None:
    if not project.adapter.is_file():
        return None
    spec = importlib.util.spec_from_file_location(project.adapter.stem, project.adapter)
    if spec is None or spec.loader is None:
        raise ImportError(str(project.adapter))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _loaded(project: Project, graph: GraphLabels, root: Path, adapter: ModuleType | None) -> Any:
    sys.path[:0] = [str(root / path) for path in project.paths]
    if adapter is not None and hasattr(adapter, "prepare"):
        adapter.prepare()
    if graph.load.startswith("adapter:"):
        made = load_graph(getattr(adapter, graph.load.partition(":")[2]))
    else:
        made = load_graph(graph.load)
    return made


def _calls(
    loaded: Any, graph: GraphLabels, adapter: ModuleType | None, server: Loopback, notes: list[str]
) -> list[str]:
    """What every call of the graph's runs said, one JSON text a call. A run that fails is noted."""
    said: list[str] = []
    for run in graph.runs:
        server.start(script_of(run))
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                asyncio.run(asyncio.wait_for(_run(loaded, run, adapter), SECONDS))
        except Exception as failed:  # noqa: BLE001 - whatever a stranger's graph raises; its calls so far still count
            where = traceback.extract_tb(failed.__traceback__)[-1]
            notes.append(
                f"run {run.get('name', '')}: {type(failed).__name__}: {str(failed)[:200]} ({where.name}:{where.lineno})"
            )
        said += [
            json.dumps({k: v for k, v in call.items() if k in ("messages", "tools", "response_format")}, sort_keys=True)
            for call in server.calls
        ]
    return said


async def _run(loaded: Any, run: Json, adapter: ModuleType | None) -> None:
    given = {"checkpointer": InMemorySaver(), "store": getattr(adapter, "store", InMemoryStore)()}
    graph = loaded.copy({key: value for key, value in given.items() if run.get("memory", True)})
    if adapter is not None and hasattr(adapter, "seed"):
        await adapter.seed(graph.store)
    inputs = run.get("inputs") or getattr(adapter, run.get("inputs_from", "inputs"))()
    config: RunnableConfig = {
        "configurable": {"thread_id": "1", **run.get("configurable", {})},
        "recursion_limit": run.get("steps", 40),
    }
    context = {"context": run["context"]} if "context" in run else {}
    state: Any = inputs
    for answer in [None, *run.get("resume", ())]:
        state = inputs if answer is None else Command(resume=answer)
        await graph.ainvoke(state, config, **context)


def _label(index: int, anchor: Anchor, paired: Any, before: list[str]) -> Json:
    module: Module | None = paired.found.get(index)
    label = anchor.label
    return {
        "name": label.name, "kind": label.kind, "optional": label.optional, "needs_run": label.needs_run,
        "lives": label.lives, "use": label.use, "role": label.role,
        "reached": any(anchor.words in plain(" ".join(strings(json.loads(said)))) for said in before),
        "found": module is not None, "on": module is not None and (module.on or module.kind != "prompt"),
        "moved": index in paired.moved, "module": _shown(module) if module is not None else None,
    }  # fmt: skip


def _shown(module: Module) -> Json:
    return {
        "module": module.name, "kind": module.kind, "evidence": module.evidence, "reason": module.reason,
        "off": module.off,
        "origin": module.origin, "words": " ".join(module.text.split()[:6])[:60], "nodes": list(module.nodes),
    }  # fmt: skip


def _stray(anchor: Anchor, module: Module) -> bool:
    """Whether a second module that says what a label says should not be on."""
    return module.on and module.kind == "prompt" and not anchor.label.optional


def _bind(
    row: Json, found: Survey, modules: dict[int, Module], graph: GraphLabels,
    adapter: ModuleType | None, server: Loopback, before: list[str],
) -> None:  # fmt: skip
    """Binds every found text with a mark of its own, each alone for the time and all at once for the run."""
    texts, times = {}, []
    for index, module in modules.items():
        marked = _marked(module, f"ZQ{index}QZ")
        started = time.process_time()
        try:
            found.bind({module.name: marked})
        except (OurError, TypeError, ValueError, AttributeError, KeyError) as failed:
            row["labels"][index]["bind_error"] = f"{type(failed).__name__}: {failed}"[:300]
            continue
        times.append((time.process_time() - started) * 1000)
        texts[module.name] = marked
    row["bind_ms"] = statistics.median(times) if times else None
    row["bind_ms_max"] = max(times, default=None)
    if not texts:
        return
    said = _calls(found.bind(texts), graph, adapter, server, notes := [])
    row["notes"] += [f"bound {note}" for note in notes if note not in row["notes"]]
    arrived = {int(index) for call in said for index in re.findall(r"ZQ(\d+)QZ", call)}
    for index in modules:
        row["labels"][index]["bound"] = index in arrived
    unmarked = Counter(_steady(re.sub(r" ?ZQ\d+QZ", "", call)) for call in said)
    row["otherwise_same"] = unmarked == Counter(_steady(re.sub(r" ?ZQ\d+QZ", "", call)) for call in before)


def _marked(module: Module, mark: str) -> str:
    """The text with a mark after its first word that is no placeholder and in none."""
    text = module.text
    if module.style in ("jinja2", "mustache"):
        return f"{text} {mark}"
    for word in re.finditer(r"[A-Za-z][A-Za-z,.']*(?=\s)", text):
        head = text[: word.end()]
        if head.count("{") == head.count("}"):
            return f"{head} {mark}{text[word.end() :]}"
    return f"{text} {mark}"


def _steady(said: str) -> str:
    """A call without what differs from run to run: ids, times."""
    said = re.sub(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", "ID", said)
    return re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?|call_\d+|reply-\d+", "AT", said)


def write(project: Project, graph: GraphLabels, root: Path) -> Json:
    """Marks every labelled text that can be written, in the source. Gives what should now be there, by module."""
    found, modules = _found(project, graph, root)
    at_home = [m for m in modules if m.file is not None and (root / m.file).resolve().is_relative_to(root)]
    texts = {m.name: _marked(m, f"ZQ{index}QZ") for index, m in enumerate(at_home)}
    changes = plan(found.modules, texts, root)
    for file in changes.files:
        file.path.write_bytes(file.after)
    refused = {**changes.refused, **changes.stale}
    return {"expected": {name: text for name, text in texts.items() if name not in refused}, "refused": refused}


def read(project: Project, graph: GraphLabels, root: Path) -> Json:
    """The texts of every module, by name."""
    found, _ = _found(project, graph, root)
    return {"texts": {module.name: module.text for module in found.modules}}


def _found(project: Project, graph: GraphLabels, root: Path) -> tuple[Survey, list[Module]]:
    found = survey(_loaded(project, graph, root, _adapter(project)), kinds=KINDS)
    anchors = []
    for label in graph.texts:
        with contextlib.suppress(AnchorError):  # the labels' own faults are told by `probe`
            anchors.append(anchored(label, root))
    return found, list(match(anchors, found.modules, root).found.values())


def main() -> None:
    name, which, folder, what = sys.argv[1:]
    project = next(p for p in projects() if p.name == name)
    graph = next(g for g in project.graphs if g.name == which)
    root = Path(folder).resolve()
    os.chdir(root)
    server = Loopback()
    out = os.dup(1)
    os.dup2(2, 1)  # strangers print
    try:
        standins.install(server.url, project.standins)
        do = {"write": write, "read": read}.get(what)
        row = do(project, graph, root) if do else probe(project, graph, root, server)
    except Exception as failed:  # noqa: BLE001 - the row says why this graph could not be measured
        row = {"error": f"{type(failed).__name__}: {failed}", "trace": traceback.format_exc()}
    os.write(out, b"\x1e" + json.dumps(row).encode())


if __name__ == "__main__":
    main()
