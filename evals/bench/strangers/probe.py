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
from strangers import standins
from strangers.labels import Anchor, AnchorError, GraphLabels, Project, anchored, match, plain, projects
from strangers.loopback import Json, Loopback, Script, strings

SECONDS = 90


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
    before = _calls(loaded, graph, adapter, server, row["notes"])
    started = time.perf_counter()
    found = survey(loaded, kinds=("prompt", "tool", "schema"))
    row["discovery_ms"] = (time.perf_counter() - started) * 1000
    started = time.perf_counter()
    survey(loaded, kinds=("prompt", "tool", "schema"))
    row["again_ms"] = (time.perf_counter() - started) * 1000
    paired = match(anchors, found.modules, root)
    row["labels"] = [_label(i, a, paired, before) for i, a in enumerate(anchors)]
    row["false"] = [_shown(m) for m in paired.strange if m.on]
    row["false"] += [
        {**_shown(m), "double": anchors[i].label.name} for i, m in paired.double if m.on and not _spare(anchors[i], m)
    ]
    row["pieces"] = [{**_shown(m), "of": anchors[i].label.name} for i, m in paired.pieces if m.on]
    row["greyed"] = [_shown(m) for m in paired.strange if m.kind == "prompt" and not m.on]
    row["false_tools"] = [_shown(m) for m in paired.strange if m.kind == "tool"]
    row["on"] = sum(m.on for m in found.modules)
    row["modules"] = len(found.modules)
    _bind(row, found, {i: m for i, m in paired.found.items() if not m.reason}, graph, adapter, server, before)
    after = _calls(loaded, graph, adapter, server, [])
    row["original_marked"] = sum(bool(re.search(r"ZQ\d+QZ", said)) for said in after)
    row["original_same"] = Counter(map(_steady, before)) == Counter(map(_steady, after))
    return row


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
        server.start(_script(run))
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


def _script(run: Json) -> Script:
    answers = {name: value if isinstance(value, list) else [value] for name, value in run.get("answers", {}).items()}
    return Script(answers, run.get("say", {}), frozenset(run.get("skip", ())), tuple(run.get("order", ())))


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
        "origin": module.origin, "words": " ".join(module.text.split()[:6])[:60], "nodes": list(module.nodes),
    }  # fmt: skip


def _spare(anchor: Anchor, module: Module) -> bool:
    return anchor.label.optional or module.kind != "prompt"


def _bind(
    row: Json, found: Survey, modules: dict[int, Module], graph: GraphLabels,
    adapter: ModuleType | None, server: Loopback, before: list[str],
) -> None:  # fmt: skip
    """Binds every found text with a mark of its own, each alone for the time and all at once for the run."""
    texts, times = {}, []
    for index, module in modules.items():
        marked = _marked(module, f"ZQ{index}QZ")
        started = time.perf_counter()
        try:
            found.bind({module.name: marked})
        except (OurError, TypeError, ValueError, AttributeError, KeyError) as failed:
            row["labels"][index]["bind_error"] = f"{type(failed).__name__}: {failed}"[:300]
            continue
        times.append((time.perf_counter() - started) * 1000)
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
    said = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "ID", said)
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
    found = survey(_loaded(project, graph, root, _adapter(project)), kinds=("prompt", "tool", "schema"))
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
