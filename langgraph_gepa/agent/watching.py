"""What rollouts show of a graph's texts: which of them reached a model, and what else did."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from typing import Any, Protocol

from langgraph_gepa.agent import attribution, matching, naming, origin, templates
from langgraph_gepa.agent.files import Files, Text
from langgraph_gepa.engine.plain import plain
from langgraph_gepa.search.example import Example
from langgraph_gepa.search.module import Module, Style, Texts
from langgraph_gepa.search.rollout import Call, Rollout

_LONG = 8
"""Words that stay the same in a message for it to be worth telling of."""
_SHORT = 3
"""Words from which a part of such a message is taken for a part of a text."""
_LARGEST = 2_000
"""Words of a message up to which it is compared with others word by word."""
_SAID = 12
"""Letters of what a rollout came by itself, from which it is recognised."""
_SAMPLE = 5
"""Other messages a message is compared with."""
_GROUP = 60
"""Messages of one node and role that are compared."""
_RUNS = 8
"""Rollouts of a run that are searched for texts from nowhere known."""
_SHOWN = 60
"""Letters of a text that are shown in a warning."""

Nodes = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """A rollout to learn from: the example's inputs as plain data, and the calls with `modules` filled in."""

    inputs: Any
    calls: Sequence[Call]


@dataclass(frozen=True, slots=True)
class Sightings:
    """`seen` maps the modules whose text reached a model to the nodes it was seen at; `strange` are texts
    that reached a model from nowhere known, as modules."""

    seen: Mapping[str, Nodes] = field(default_factory=dict)
    strange: tuple[Module, ...] = ()


@dataclass(frozen=True, slots=True)
class _Told:
    """A message that a model was told, by something other than a model or a tool, when it was first told.
    `brought` is what the rollout had come by until then."""

    run: int
    node: str
    role: str
    text: str
    brought: Sequence[str] = field(default=(), compare=False)


def sightings(runs: Sequence[Run], modules: Sequence[Module], files: Files) -> Sightings:
    """What `runs` of the graph as it is show of its `modules`, and of texts that are none of these."""
    calls = [call for run in runs for call in run.calls]
    return Sightings(seen(calls, modules), tuple(strange(runs, modules, files)))


def seen(calls: Iterable[Call], modules: Sequence[Module], texts: Texts | None = None) -> dict[str, Nodes]:
    """The modules whose text a model call carried, with the nodes of these calls.

    Of several modules that say the same, it is those of the call's node. `texts` are what the
    modules said in these calls, where that is not their own.
    """
    said = texts or {}
    parts = {m.name: _parts(said.get(m.name, m.text), m.style) for m in modules if m.kind == "prompt"}
    found: dict[str, dict[str, None]] = {}
    told: dict[tuple[str, str], None] = {}
    for call in calls:
        if call.kind == "model":
            told |= {(call.node, text): None for message in call.inputs for text in strings(message.get("content"))}
            for name in call.modules:
                if name not in parts:  # tools and schemas are in no message: who attributed the call saw them offered
                    found.setdefault(name, {})[call.node] = None
    for node, text in told:
        even = _even(text)
        carried = [m for m in modules if m.kind == "prompt" and _carried(m, parts[m.name], even, node)]
        for module in carried:
            twins = [other for other in carried if parts[other.name] == parts[module.name]]
            if node in module.nodes or not any(node in twin.nodes for twin in twins):
                found.setdefault(module.name, {})[node] = None
    return {module.name: tuple(found[module.name]) for module in modules if module.name in found}


def updated(modules: Iterable[Module], seen: Mapping[str, Nodes]) -> list[Module]:
    """The modules with what was seen of them: `seen` as evidence, and the nodes they were seen at."""
    return [
        replace(m, evidence="seen", nodes=tuple(dict.fromkeys([*m.nodes, *seen[m.name]]))) if m.name in seen else m
        for m in modules
    ]


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
    carried = seen((call for rollout in rollouts for call in rollout.calls), surveyed.modules)
    if missing := [name for name in chosen if name not in carried]:
        them = "it" if len(missing) == 1 else "them"
        yield (
            f"No validation example led to a model call that carries {', '.join(missing)}: changing {them} cannot "
            f"matter for these examples. Add examples that come to {them}, or leave {them} out (modules=)."
        )
    inputs = {example.id: plain(example.inputs) for example in examples}
    runs = [Run(inputs.get(rollout.example), rollout.calls) for rollout in rollouts[:_RUNS]]
    texts = [
        one
        for one in strange(runs, surveyed.modules, surveyed.files)
        if one.file is not None or one.name.endswith(".system")  # what stays the same in a user's message is often data
    ]
    if texts:
        listed = "; ".join(f"{one.origin or _brief(one.text)} in {', '.join(one.nodes) or 'no node'}" for one in texts)
        yield (
            f"Texts reached a model that are not optimised: {listed}. To take them in, call discover(graph, examples) "
            "before optimize(), or declare them in the code: prompt(name, text)."
        )


def _brief(text: str) -> str:
    even = _even(text)
    return repr(even if len(even) <= _SHOWN else f"{even[:_SHOWN]}…")


def strange(runs: Sequence[Run], modules: Sequence[Module], files: Files) -> Iterator[Module]:
    """Texts that models were told and that are no module's, nor from the examples, tools or models.

    For a text that a file of the project holds one rollout is enough. Of others, what stays the same over
    rollouts is taken for the text, and what changes for its placeholders; of one rollout alone only a whole
    system message is told of.
    """
    told = list(dict.fromkeys(_told(runs)))
    known = _Known(modules)
    read = list(_from_files(told, known, files.texts))
    yield from read
    known = _Known([*modules, *read])
    met: dict[tuple[str, Style], Module] = {}
    for text, style, message, reason in _constant(told, known):
        twin = met.get((text, style))
        if twin is not None:
            met[text, style] = replace(twin, nodes=tuple(dict.fromkeys([*twin.nodes, message.node])))
            continue
        home = files.home(text) if style == "plain" else None
        label = naming.label(message.node, "", prebuilt=False) if message.node else "agent"
        met[text, style] = Module(
            name=f"{label}.{message.role}" if home is None else naming.slug(home.name),
            kind="prompt",
            text=text,
            style=style,
            placeholders=templates.placeholders(text, style),
            nodes=(message.node,) if message.node else (),
            file=None if home is None else origin.relative(home.file),
            line=None if home is None else home.line,
            evidence="seen",
            reason=reason,
            note=NOWHERE if home is None else PART if home.part else READ,
        )
    yield from met.values()


READ = "read from its file when the graph runs: replaced in the messages on their way to the model"
PART = "some lines of its file, read when the graph runs: replaced in the messages on their way to the model"
NOWHERE = "reached a model from nowhere known: replaced in the messages on their way to the model"
_ONCE = "it was seen in one example only: what of it stays the same for others is not known; watch more examples"


class _Known:
    """The texts that are modules already, to leave them out of messages."""

    def __init__(self, modules: Iterable[Module]) -> None:
        self._patterns: list[matching.Pattern] = []
        for module in modules:
            if module.kind != "prompt":
                continue
            pattern = matching.pattern(module.text, module.style)
            if pattern is not None:
                self._patterns.append(pattern)
            parts = attribution.literals(module.text, module.style)
            plain = (matching.pattern(part) for part in parts if _letters(part) >= matching.ALONE)
            self._patterns += [part for part in plain if part is not None and part != pattern]

    def spans(self, said: str) -> list[tuple[int, int]]:
        found = (span for pattern in self._patterns for match in pattern.matches(said) for span in match.said())
        return sorted(span for span in found if span[0] < span[1])

    def rest(self, said: str) -> Iterator[str]:
        """What is left of a message, in pieces."""
        at = 0
        for start, end in self.spans(said):
            if start > at:
                yield said[at:start]
            at = max(at, end)
        yield said[at:]


def _from_files(told: Sequence[_Told], known: _Known, texts: Iterable[Text]) -> Iterator[Module]:
    found: dict[Text, Module] = {}
    for one in texts:
        if _letters(one.text) < matching.ALONE:
            continue
        for style in _styles(one):
            pattern = matching.pattern(one.text, style)
            hits = [message for message in told if pattern is not None and _new(message, pattern, known)]
            if hits:
                nodes = tuple(dict.fromkeys(message.node for message in hits if message.node))
                found[one] = _of_file(one, style, nodes)
                break
    whole = {one.file for one in found if not one.keys}
    for core, twins in _by_core(found).items():
        one = twins[0]
        inside = any(core != other.text.strip() and core in other.text for other in found)
        if not inside and not (one.keys and one.file in whole):
            places = ", ".join(f"{twin.file}:{twin.line}" for twin in twins)
            reason = f"several places hold it ({places}), and which one is read cannot be told" if twins[1:] else ""
            yield replace(found[one], reason=reason)


def _by_core(texts: Iterable[Text]) -> dict[str, list[Text]]:
    found: dict[str, list[Text]] = {}
    for one in texts:
        found.setdefault(one.text.strip(), []).append(one)
    return found


def _new(message: _Told, pattern: matching.Pattern, known: _Known) -> bool:
    """Whether the text stands in the message as nothing else: no module's text, nothing the example brought."""
    for match in pattern.matches(message.text):
        said = message.text[match.start : match.end]
        covered = any(start <= match.start and match.end <= end for start, end in known.spans(message.text))
        if not covered and not any(said in text for text in message.brought):
            return True
    return False


def _styles(one: Text) -> Iterator[Style]:
    """What a file's text may be: as its name says, else itself, else a template."""
    yield one.style
    if one.style == "plain" and "{" in one.text:
        yield from ("format", "jinja2")


def _of_file(one: Text, style: Style, nodes: Nodes) -> Module:
    return Module(
        name=naming.slug(one.name),
        kind="prompt",
        text=one.text,
        style=style,
        placeholders=templates.placeholders(one.text, style),
        nodes=nodes,
        file=origin.relative(one.file),
        line=one.line,
        evidence="seen",
        note=READ,
    )


def _constant(told: Sequence[_Told], known: _Known) -> Iterator[tuple[str, Style, _Told, str]]:
    """What stays the same in the messages of one node and role over the rollouts, as texts with their style."""
    groups: dict[tuple[str, str], list[tuple[_Told, str]]] = {}
    for message in told:
        for rest in known.rest(message.text):
            if templates.words(rest) >= _SHORT:
                groups.setdefault((message.node, message.role), []).append((message, rest.strip()))
    for group in (several[:_GROUP] for several in groups.values()):
        met: set[tuple[str, Style]] = set()
        for message, rest in group:
            if any(_says(text, style, rest) for text, style in met):
                continue
            others = [text for other, text in group if other.run != message.run]
            found = _common(rest, others, message.brought) if others else None
            if found is not None:
                met.add(found)
                yield (*found, message, "")
            elif not others and message.role == "system" and not _brought(rest, message.brought):
                met.add((rest, "plain"))
                yield rest, "plain", message, _ONCE


def _common(text: str, others: Sequence[str], data: Sequence[str]) -> tuple[str, Style] | None:
    """The text, or the template, that `text` and its like among `others` are filled from."""
    if text in others:
        return None if _brought(text, data) else (text, "plain")
    words = _tokens(text)
    if len(words) > _LARGEST:
        return None
    best: list[slice] = []
    for other in list(dict.fromkeys(others))[:_SAMPLE]:
        others_words = _tokens(other)
        if len(others_words) > _LARGEST:
            continue
        compared = SequenceMatcher(str.isspace, words, others_words, autojunk=False)
        blocks = [slice(b.a, b.a + b.size) for b in compared.get_matching_blocks() if b.size]
        if _size(words, blocks) > _size(words, best):
            best = blocks
    kept = [block for block in best if templates.words("".join(words[block])) >= _SHORT]
    kept = [block for block in kept if not _brought("".join(words[block]).strip(), data)]
    if templates.words(" ".join("".join(words[block]) for block in kept)) < _LONG:
        return None
    made, at, count = [], 0, 0
    for block in kept:
        if block.start > at:
            count += 1
            made.append(f"{{value_{count}}}")
        made.append(templates.escape("".join(words[block])))
        at = block.stop
    if at < len(words):
        made.append(f"{{value_{count + 1}}}")
    return "".join(made), "format"


def _size(words: Sequence[str], blocks: Iterable[slice]) -> int:
    return sum(len("".join(words[block])) for block in blocks)


def _tokens(text: str) -> list[str]:
    """Words, and what stands between them."""
    return re.findall(r"\w+|\s+|[^\w\s]", text)


def _says(text: str, style: Style, said: str) -> bool:
    pattern = matching.pattern(text, style)
    return pattern is not None and any(True for _ in pattern.matches(said))


def _brought(text: str, data: Sequence[str]) -> bool:
    """Whether the rollout came by a text through its example, its tools or its models."""
    return any(text in one for one in data) or any(one in text and len(one) * 2 > len(text) for one in data)


def _told(runs: Sequence[Run]) -> Iterator[_Told]:
    for number, run in enumerate(runs):
        brought = _worth(run.inputs)
        for call in run.calls:
            for message in call.inputs if call.kind == "model" else ():
                if message.get("role") not in ("assistant", "tool"):
                    text = "\n".join(strings(message.get("content")))
                    if templates.speaks(text):
                        yield _Told(number, call.node, str(message.get("role")), text, brought)
            brought = [*brought, *_worth(call.output), *(_worth(call.inputs) if call.kind != "model" else ())]


def _worth(value: Any) -> list[str]:
    """The strings in plain data that are long enough to be known again."""
    return [text for text in strings(value) if _letters(text) >= _SAID]


def strings(value: Any) -> Iterator[str]:
    """Every string in plain data; of content blocks, what they say."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        held = value["text"] if value.get("type") == "text" and "text" in value else list(value.values())
        yield from strings(held)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from strings(item)


def _parts(text: str, style: Style) -> tuple[str, ...]:
    return tuple(even for part in attribution.literals(text, style) if (even := _even(part)))


def _carried(module: Module, parts: Sequence[str], message: str, node: str) -> bool:
    if sum(map(_letters, parts)) < attribution.TOLD_APART and node not in module.nodes:
        return False
    return attribution.carries(message, parts, module.style)


def _even(text: str) -> str:
    """With single spaces: a text may be dedented or wrapped on its way."""
    return " ".join(text.split())


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))
