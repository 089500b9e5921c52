"""One graph in a process of its own: load, discover, bind, run, compare with the labels. Prints one JSON object.

    python -m strangers.probe PROJECT GRAPH ROOT measure|write|read

`write` puts marked texts into the source below ROOT, which is a copy; `read` says what is there now.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langgraph_gepa.adapter.discovery.survey import Survey, survey
from langgraph_gepa.core.module import Module
from langgraph_gepa.writeback.plan import plan
from strangers import rehearsal, standins
from strangers.arrival import Fate, bound, bound_alone, fates
from strangers.labels import (
    Anchor,
    AnchorError,
    GraphLabels,
    Matching,
    Project,
    anchored,
    match,
    plain,
    projects,
    stands_in,
)
from strangers.loopback import Json, Loopback, strings
from strangers.marks import mark, marked, marks, unmarked
from strangers.opening import adapter_of, opened
from strangers.running import Runs, steady

KINDS = ("prompt", "tool", "schema")


@dataclass(frozen=True, slots=True)
class Probe:
    """A graph, its labels and what its models are sent without us; `arrived` grows by each text whose mark arrives."""

    loaded: Any
    root: Path
    runs: Runs
    anchors: Sequence[Anchor]
    before: Sequence[str]
    arrived: set[tuple[str, str]] = field(default_factory=set)

    def compared(self, found: Survey, known: frozenset[str] = frozenset()) -> Json:
        """The labels, each with its module; the modules without a label; those that are on and what becomes of them.

        Labelled texts are bound but for those `known` before.
        """
        paired = match(self.anchors, found.modules, self.root)
        paired.strange = [module for module in paired.strange if not stands_in(module, self.root)]
        strays = [
            {**_shown(m), "double": self.anchors[i].label.name} for i, m in paired.double if _stray(self.anchors[i], m)
        ]
        row: Json = {
            "labels": [_label(i, a, paired, self) for i, a in enumerate(self.anchors)],
            "false": [*(_shown(m) for m in paired.strange if m.on), *strays],
            "pieces": [{**_shown(m), "of": self.anchors[i].label.name} for i, m in paired.pieces if m.on],
            "greyed": [_shown(m) for m in paired.strange if m.kind == "prompt" and not m.on],
            "false_tools": [_shown(m) for m in paired.strange if m.kind == "tool"],
        }
        row |= self._bound(row["labels"], found, paired, known)
        row["are_on"] = self._on(found, paired)
        return row

    def _bound(self, labels: list[Json], found: Survey, paired: Matching, known: frozenset[str]) -> Json:
        """Whether each labelled text that was found arrives when it is bound: all at once, then those that did not."""
        modules = {i: m for i, m in paired.found.items() if not m.reason and m.name not in known}
        result = bound(found, list({m.name: m for m in modules.values()}.values()), self.runs)
        decided = {*result.arrived, *result.errors}
        doubtful = {m.name: m for i, m in modules.items() if labels[i]["reached"] and m.name not in decided}
        arrived = result.arrived | bound_alone(found, list(doubtful.values()), self.runs)
        for index, module in modules.items():
            if module.name not in arrived and self._said_elsewhere(index):
                labels[index]["reached"] = False
            if module.name in result.errors:
                labels[index]["bind_error"] = result.errors[module.name]
            elif result.calls or result.notes:
                labels[index]["bound"] = module.name in arrived
        self.arrived.update((m.name, m.text) for m in modules.values() if m.name in arrived)
        without = [Counter(steady(unmarked(call)) for call in calls) for calls in (result.calls, self.before)]
        row = {"bind_ms": result.median, "bind_ms_max": max(result.times, default=None), "bound_notes": result.notes}
        return row | ({"otherwise_same": without[0] == without[1]} if result.times else {})

    def _said_elsewhere(self, index: int) -> bool:
        """Whether another label's text says the words of this one, so that it is open whose were sent."""
        words = self.anchors[index].words
        return any(words in plain(other.text) for place, other in enumerate(self.anchors) if place != index)

    def _on(self, found: Survey, paired: Matching) -> list[Json]:
        """Every module that is on by default: what becomes of a mark in it, and whether it is a prompt of theirs."""
        own_last = sorted(paired.found.items(), key=lambda pair: self.anchors[pair[0]].label.own)
        labelled = {module.name: self.anchors[i] for i, module in own_last}
        modules = [m for m in found.modules if m.on and (m.name in labelled or not stands_in(m, self.root))]
        arrived = {module.name for module in modules if (module.name, module.text) in self.arrived}
        become = fates(found, modules, arrived, self.before, self.runs)
        self.arrived.update((m.name, m.text) for m in modules if become[m.name] == "arrived")
        spare = {m.name for i, m in (*paired.double, *paired.pieces) if self.anchors[i].is_spare(self.root)}
        return [_on(module, become[module.name], labelled.get(module.name), self.root, spare) for module in modules]


def probe(project: Project, graph: GraphLabels, root: Path, server: Loopback) -> Json:
    """The row of one graph."""
    adapter = adapter_of(project)
    loaded = opened(project, graph, root, adapter)
    runs, anchors, notes = Runs(graph, adapter, server), [], []
    for label in graph.texts:
        try:
            anchors.append(anchored(label, root))
        except AnchorError as gone:
            notes.append(f"label: {gone}")
    before, is_steady = runs.settled(loaded, notes)
    row: Json = {"notes": notes, "steady": is_steady}
    started = time.process_time()
    found = survey(loaded, kinds=KINDS)
    row["discovery_ms"] = (time.process_time() - started) * 1000
    started = time.process_time()
    survey(loaded, kinds=KINDS)
    row["again_ms"] = (time.process_time() - started) * 1000
    one = Probe(loaded, root, runs, anchors, before)
    row |= one.compared(found)
    notes += [f"bound {note}" for note in row["bound_notes"] if note not in notes]
    after = runs.calls(loaded, [])
    row["watched"] = _watched(one)
    after += (last := runs.calls(loaded, []))
    row["original_marked"] = sum(bool(marks(call)) for call in after)
    row["original_same"] = Counter(map(steady, before)) == Counter(map(steady, last))
    return row


def _watched(one: Probe) -> Json:
    """What is known of the graph once it was run on examples, and whether what was not known before can be bound."""
    known = frozenset(module.name for module in survey(one.loaded, kinds=KINDS).modules)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            rehearsal.rehearse_all(one.loaded, one.runs.graph.runs, one.runs.adapter, one.runs.server)
    except Exception as failed:  # noqa: BLE001 - a stranger's graph, or what it makes of ours
        return {"error": "".join(traceback.format_exception_only(_first(failed))).strip()[:300]}
    row = one.compared(survey(one.loaded, kinds=KINDS), known)
    return row | {"notes": row["bound_notes"]}


def _first(failed: BaseException) -> BaseException:
    return _first(failed.exceptions[0]) if isinstance(failed, BaseExceptionGroup) else failed


def _label(index: int, anchor: Anchor, paired: Matching, one: Probe) -> Json:
    module: Module | None = paired.found.get(index)
    label = anchor.label
    return {
        "name": label.name, "kind": label.kind, "optional": label.optional, "needs_run": label.needs_run,
        "own": anchor.is_own(one.root),
        "lives": label.lives, "use": label.use, "role": label.role,
        "reached": any(anchor.words in plain(" ".join(strings(json.loads(said)))) for said in one.before),
        "found": module is not None, "on": module is not None and (module.on or module.kind != "prompt"),
        "moved": index in paired.moved, "module": _shown(module) if module is not None else None,
    }  # fmt: skip


def _on(module: Module, fate: Fate, anchor: Anchor | None, root: Path, spare: set[str]) -> Json:
    """`theirs` is `None` where the labels do not decide."""
    undecided = module.name in spare or (anchor is not None and anchor.is_spare(root))
    theirs = None if undecided else anchor is not None and anchor.is_own(root)
    return {**_shown(module), "fate": fate, "label": anchor and anchor.label.name, "theirs": theirs}


def _shown(module: Module) -> Json:
    return {
        "module": module.name, "kind": module.kind, "evidence": module.evidence, "reason": str(module.reason or ""),
        "off": module.off,
        "origin": module.origin, "words": " ".join(module.text.split()[:6])[:60], "nodes": list(module.nodes),
    }  # fmt: skip


def _stray(anchor: Anchor, module: Module) -> bool:
    """Whether a second module that says what a label says should not be on."""
    return module.on and module.kind == "prompt" and not anchor.label.optional


def write(project: Project, graph: GraphLabels, root: Path) -> Json:
    """Marks every labelled text that can be written, in the source. Gives what should now be there, by module."""
    found, modules = _found(project, graph, root)
    at_home = [m for m in modules if m.file is not None and (root / m.file).resolve().is_relative_to(root)]
    texts = {m.name: marked(m, mark(index)) for index, m in enumerate(at_home)}
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
    found = survey(opened(project, graph, root, adapter_of(project)), kinds=KINDS)
    anchors = []
    for label in graph.texts:
        with contextlib.suppress(AnchorError):  # the labels' own faults are told by `probe`
            anchors.append(anchored(label, root))
    return found, list(match(anchors, found.modules, root).found.values())


def _from_discovery(failed: BaseException) -> bool:
    """Whether it was raised on the way through discovery, not by the graph when it was loaded."""
    code = inspect.unwrap(survey).__code__
    return any(frame.f_code is code for frame, _ in traceback.walk_tb(failed.__traceback__))


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
        row = {
            "error": f"{type(failed).__name__}: {failed}",
            "trace": traceback.format_exc(),
            "discovery": _from_discovery(failed),
        }
    os.write(out, b"\x1e" + json.dumps(row).encode())


if __name__ == "__main__":
    main()
