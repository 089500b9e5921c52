"""What rollouts show of a graph's texts: which of them reached a model, and what else did."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.dataflow.text_files import Files
from langgraph_gepa.adapter.observed.evidence import copies, filled, instructing
from langgraph_gepa.adapter.observed.message_parts import Nodes, Run
from langgraph_gepa.adapter.observed.unknown_prompts import strange
from langgraph_gepa.adapter.tracing import attribution
from langgraph_gepa.adapter.tracing.message_text import even, letters, strings
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.json_data import plain
from langgraph_gepa.core.module import Module, Off, Style, Texts
from langgraph_gepa.core.reason import NoEffect, Obstacle, Reason
from langgraph_gepa.core.rollout import Call, Rollout
from langgraph_gepa.reflection.relevance import bears_on, calling_nodes

_RUNS = 8
"""Rollouts of a run that are searched for texts from nowhere known."""
_SHOWN = 60
"""Letters of a text that are shown in a warning."""


@dataclass(frozen=True, slots=True)
class Sightings:
    """`seen` maps the modules whose text reached a model to the nodes it was seen at; `strange` are texts
    that reached a model from nowhere known, as modules. `styles` has those that look plain and were filled in
    as templates; `given` is what the examples say, word for word; `no_effect` has the modules whose new text was
    proved to be of no use; `absent` are those that would be replaced in messages, and were in none of their nodes;
    `unsent` those of several to pick from that no call of their nodes carried, and of which no new text arrived."""

    seen: Mapping[str, Nodes] = field(default_factory=dict)
    strange: tuple[Module, ...] = ()
    styles: Mapping[str, Style] = field(default_factory=dict)
    given: frozenset[str] = frozenset()
    no_effect: Mapping[str, NoEffect] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    unsent: frozenset[str] = frozenset()


def sightings(runs: Sequence[Run], modules: Sequence[Module], files: Files) -> Sightings:
    """What `runs` of the graph as it is show of its `modules`, and of texts that are none of these."""
    calls = [call for run in runs for call in run.calls]
    styles = filled(runs, modules)
    modules = [_styled(module, styles) for module in modules]
    others = tuple(strange(runs, modules, files))
    shown = instructing(runs, [*modules, *others]) - copies(modules, others)
    walked = {m.name for m in modules if m.evidence != "possible" or m.off is Off.UNSENT}
    proven = {m.name for m in modules if m.kind != "prompt" or m.name in walked or m.name in shown}
    found = {name: nodes for name, nodes in seen(calls, modules).items() if name in proven}
    given = frozenset(even(text) for run in runs for text in strings(run.inputs))
    called = {call.node for call in calls if call.kind == "model"}
    absent = {m.name for m in modules if m.note and m.name not in found and not called.isdisjoint(m.nodes)}
    return Sightings(found, others, styles, given, absent=frozenset(absent))


def seen(calls: Iterable[Call], modules: Sequence[Module], texts: Texts | None = None) -> dict[str, Nodes]:
    """The modules whose text a model call carried, with the nodes of these calls.

    Of several modules that say the same, it is those of the call's node. `texts` are what the
    modules said in these calls, where that is not their own.
    """
    own = texts or {}
    parts = {m.name: _parts(m, own.get(m.name, m.text)) for m in modules if m.kind == "prompt"}
    found: dict[str, dict[str, None]] = {}
    met: set[tuple[str, int]] = set()  # by hash: all the texts of a run may be more than the memory holds
    for call in calls:
        if call.kind == "model":
            for name in call.modules:
                if name not in parts:  # tools and schemas are in no message: who attributed the call saw them offered
                    found.setdefault(name, {})[call.node] = None
            for text in (text for message in call.inputs for text in strings(message.get("content"))):
                if (call.node, hash(text)) not in met:
                    met.add((call.node, hash(text)))
                    for name in _carried_by(text, call.node, modules, parts):
                        found.setdefault(name, {})[call.node] = None
    return {module.name: tuple(found[module.name]) for module in modules if module.name in found}


def _carried_by(text: str, node: str, modules: Sequence[Module], parts: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    said = even(text)
    carried = [m for m in modules if m.kind == "prompt" and _carried(m, parts[m.name], said, node)]
    for module in carried:
        twins = [other for other in carried if parts[other.name] == parts[module.name]]
        if node in module.nodes or not any(node in twin.nodes for twin in twins):
            yield module.name


def updated(modules: Iterable[Module], known: Sightings, declared: Container[str] = ()) -> Iterator[Module]:
    """The modules with what was seen of them: `seen` as evidence, the nodes they were seen at, their style.

    A text that an example says word for word is its data, kept from an earlier run, unless it was `declared`.
    """
    for module in modules:
        one = _styled(module, known.styles)
        if one.kind == "prompt" and one.name not in declared and even(one.text) in known.given:
            one = replace(one, evidence="possible", off=Off.DATA)
        elif one.name in known.seen:
            one = replace(one, nodes=tuple(dict.fromkeys([*one.nodes, *known.seen[one.name]])))
            if one.off in (None, Off.UNPROVEN):
                one = replace(one, evidence="seen", off=None)
        elif one.name in known.absent and one.evidence != "seen" and one.off is None:
            one = replace(one, evidence="possible", off=Off.UNPROVEN)
        elif one.name in known.unsent and one.evidence == "flows" and one.name not in declared:
            one = replace(one, evidence="possible", off=Off.UNSENT)
        if why := known.no_effect.get(one.name):
            one = replace(one, no_effect=why, reason=Reason(Obstacle.NO_EFFECT, why))
        yield one


def _styled(module: Module, styles: Mapping[str, Style]) -> Module:
    style = styles.get(module.name, module.style)
    try:
        names = templates.placeholders(module.text, style) if style != module.style else module.placeholders
    except templates.BrokenTemplateError:  # the text is not the one that was seen
        return module
    return replace(module, style=style, placeholders=names)


class Surveyed(Protocol):
    """What is known of a graph by reading it."""

    @property
    def modules(self) -> tuple[Module, ...]: ...

    @property
    def files(self) -> Files: ...


def warnings(
    rollouts: Sequence[Rollout], examples: Iterable[Example], surveyed: Surveyed, chosen: Sequence[str]
) -> Iterator[str]:
    """What to tell of rollouts of the graph as it is: `chosen` modules that reached no model, and texts that did
    and are no module's."""
    yield from _unused(rollouts, [module for module in surveyed.modules if module.name in chosen])
    inputs = {example.id: plain(example.inputs) for example in examples}
    runs = [Run(inputs.get(rollout.example), rollout.calls) for rollout in rollouts[:_RUNS]]
    texts = [
        one
        for one in strange(runs, surveyed.modules, surveyed.files)
        # What stays the same in a user's message is often data.
        if (one.file is not None and one.on) or (one.file is None and one.name.endswith(".system"))
    ]
    if texts:
        listed = "; ".join(f"{one.origin or _brief(one.text)} in {', '.join(one.nodes) or 'no node'}" for one in texts)
        yield (
            f"Texts reached a model that are not optimised: {listed}. To take them in, call discover(graph, examples) "
            "before optimize(), or declare them in the code: prompt(name, text)."
        )


def _unused(rollouts: Sequence[Rollout], modules: Sequence[Module]) -> Iterator[str]:
    """What to know of modules that no call was seen to carry: whether they were not come to, or out of sight."""
    calls = [call for rollout in rollouts for call in rollout.calls]
    carried = {*seen(calls, modules), *(name for call in calls for name in call.modules)}
    missing = [module for module in modules if module.name not in carried]
    calling = calling_nodes(rollouts, modules)
    unseen = [m for m in missing if any(bears_on(m, rollout, calling) for rollout in rollouts)]
    unreached = [module for module in missing if module not in unseen]
    if unreached:
        them, keep = ("it", "It keeps its") if len(unreached) == 1 else ("them", "They keep their")
        yield (
            f"No validation example led to a model call that carries {_names(unreached)}. {keep} text until a rollout "
            f"comes to {them}: to improve {them}, add examples that do."
        )
    if unseen:
        yield (
            f"No model call was seen that may carry {_names(unseen)}, though the graph ran where it would be made: the "
            "call may go past LangChain. What is learned here is learned from inputs, outputs and feedback alone."
        )


def _names(modules: Sequence[Module]) -> str:
    return ", ".join(module.name for module in modules)


def _brief(text: str) -> str:
    said = even(text)
    return repr(said if len(said) <= _SHOWN else f"{said[:_SHOWN]}…")


def _parts(module: Module, text: str) -> tuple[str, ...]:
    parts = attribution.literals(text, module.style, module.placeholders)
    return tuple(said for part in parts if (said := even(part)))


def _carried(module: Module, parts: Sequence[str], message: str, node: str) -> bool:
    if sum(map(letters, parts)) < attribution.TOLD_APART and node not in module.nodes:
        return False
    return attribution.carries(message, parts, module.style)
