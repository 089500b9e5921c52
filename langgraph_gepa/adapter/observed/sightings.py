"""Collects what rollouts show of a graph's texts: which of them reached a model, and which other texts did."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.dataflow.text_files import Files
from langgraph_gepa.adapter.observed.evidence import filled_copies, proven_prompts, styles_when_filled
from langgraph_gepa.adapter.observed.message_parts import Nodes, Run
from langgraph_gepa.adapter.observed.unknown_prompts import unknown_prompts
from langgraph_gepa.adapter.tracing import attribution
from langgraph_gepa.adapter.tracing.message_text import single_spaced, single_spaced_literals, strings
from langgraph_gepa.core import matching
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.json_data import plain
from langgraph_gepa.core.module import Module, Off, Style, Texts
from langgraph_gepa.core.reason import NoEffect, Obstacle, Reason
from langgraph_gepa.core.rollout import Call, Rollout
from langgraph_gepa.reflection.relevance import bears_on, calling_nodes

_RUNS = 8
"""Rollouts of a run that are searched for unknown prompts."""
_EXCERPT = 60
"""Characters of a text that a warning quotes."""


@dataclass(frozen=True, slots=True)
class Sightings:
    """What was seen of a graph's modules when it ran, by the names of the modules.

    - `seen`: the nodes at which a module's text reached a model.
    - `unknown`: texts of unknown origin that reached a model, as modules.
    - `styles`: the styles of modules that look plain and were filled in as templates.
    - `given`: the texts of the examples, with single spaces.
    - `no_effect`: why a new text of a module was proved to have no use.
    - `absent`: modules that would be replaced in messages, and were in none of their nodes' messages.
    - `unsent`: modules of which a run picks some, that no call of their nodes carried and no new text of which arrived.
    """

    seen: Mapping[str, Nodes] = field(default_factory=dict)
    unknown: tuple[Module, ...] = ()
    styles: Mapping[str, Style] = field(default_factory=dict)
    given: frozenset[str] = frozenset()
    no_effect: Mapping[str, NoEffect] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    unsent: frozenset[str] = frozenset()


def sightings(runs: Sequence[Run], modules: Sequence[Module], files: Files) -> Sightings:
    """Collects what `runs` of the graph, as it is, show of its `modules` and of other texts."""
    calls = [call for run in runs for call in run.calls]
    styles = styles_when_filled(runs, modules)
    modules = [_styled(module, styles) for module in modules]
    unknown = tuple(unknown_prompts(runs, modules, files))
    proven = proven_prompts(runs, [*modules, *unknown]) - filled_copies(modules, unknown)
    proven |= {m.name for m in modules if m.kind != "prompt" or m.evidence != "possible" or m.off is Off.UNSENT}
    found = {name: nodes for name, nodes in seen(calls, modules).items() if name in proven}
    given = frozenset(single_spaced(text) for run in runs for text in strings(run.inputs))
    called = {call.node for call in calls if call.kind == "model"}
    absent = {m.name for m in modules if m.note and m.name not in found and not called.isdisjoint(m.nodes)}
    return Sightings(found, unknown, styles, given, absent=frozenset(absent))


def seen(calls: Iterable[Call], modules: Sequence[Module], texts: Texts | None = None) -> dict[str, Nodes]:
    """The modules whose text a model call carried, with the nodes of these calls.

    Of several modules with one text, it is those of the call's node. `texts` are the modules' texts in these calls,
    where they are not their own.
    """
    bound = texts or {}
    literals = {m.name: single_spaced_literals(m, bound.get(m.name, m.text)) for m in modules if m.kind == "prompt"}
    found: dict[str, dict[str, None]] = {}
    searched: set[tuple[str, int]] = set()  # by hash: all the texts of a run may be more than the memory holds
    for call in calls:
        if call.kind == "model":
            for name in call.modules:
                if name not in literals:  # tools and schemas are in no message: attribution saw them offered
                    found.setdefault(name, {})[call.node] = None
            for text in (text for message in call.inputs for text in strings(message.get("content"))):
                if (call.node, hash(text)) not in searched:
                    searched.add((call.node, hash(text)))
                    for name in _carried_by(text, call.node, modules, literals):
                        found.setdefault(name, {})[call.node] = None
    return {module.name: tuple(found[module.name]) for module in modules if module.name in found}


def _carried_by(
    text: str, node: str, modules: Sequence[Module], literals: Mapping[str, tuple[str, ...]]
) -> Iterator[str]:
    message = single_spaced(text)
    carried = [m for m in modules if m.kind == "prompt" and _is_carried(m, literals[m.name], message, node)]
    for module in carried:
        twins = [other for other in carried if literals[other.name] == literals[module.name]]
        if node in module.nodes or not any(node in twin.nodes for twin in twins):
            yield module.name


def updated(modules: Iterable[Module], known: Sightings, declared: Container[str] = ()) -> Iterator[Module]:
    """Yields the modules with what was seen of them: the evidence, the nodes they were seen at, their style.

    A text that is one of an example is data that an earlier run kept, unless it was `declared`.
    """
    for module in modules:
        one = _styled(module, known.styles)
        if one.kind == "prompt" and one.name not in declared and single_spaced(one.text) in known.given:
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
    """What is known of a graph from its survey."""

    @property
    def modules(self) -> tuple[Module, ...]: ...

    @property
    def files(self) -> Files: ...


def warnings(
    rollouts: Sequence[Rollout], examples: Iterable[Example], surveyed: Surveyed, chosen: Sequence[str]
) -> Iterator[str]:
    """Yields warnings about rollouts of the graph as it is: `chosen` modules that reached no model, and texts that did
    and are not optimised."""
    yield from _unused(rollouts, [module for module in surveyed.modules if module.name in chosen])
    inputs = {example.id: plain(example.inputs) for example in examples}
    runs = [Run(inputs.get(rollout.example), rollout.calls) for rollout in rollouts[:_RUNS]]
    texts = [
        one
        for one in unknown_prompts(runs, surveyed.modules, surveyed.files)
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
    """Warns of modules that no call was seen to carry: no rollout reached them, or they are used unseen."""
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
            f"reaches {them}: to improve {them}, add examples that do."
        )
    if unseen:
        yield (
            f"No model call was seen that may carry {_names(unseen)}, though the graph ran where it would be made: the "
            "call may bypass LangChain. Reflection learns from inputs, outputs and feedback alone here."
        )


def _names(modules: Sequence[Module]) -> str:
    return ", ".join(module.name for module in modules)


def _brief(text: str) -> str:
    words = single_spaced(text)
    return repr(words if len(words) <= _EXCERPT else f"{words[:_EXCERPT]}…")


def _is_carried(module: Module, literals: Sequence[str], message: str, node: str) -> bool:
    if sum(map(matching.letters, literals)) < attribution.ELSEWHERE and node not in module.nodes:
        return False
    return matching.carries(message, literals, module.style)
