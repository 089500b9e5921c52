"""Texts that models were told and that are no module's: read from a file on every run, or from nowhere known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from typing import Any

from langgraph_gepa.agent import attribution, matching, naming, origin, templates
from langgraph_gepa.agent.files import Files, Text
from langgraph_gepa.agent.said import letters, strings
from langgraph_gepa.search.module import Evidence, Module, Style
from langgraph_gepa.search.rollout import Call

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

Nodes = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """A rollout to learn from: the example's inputs as plain data, and the calls with `modules` filled in."""

    inputs: Any
    calls: Sequence[Call]


@dataclass(frozen=True, slots=True)
class _Told:
    """A message that a model was told, by something other than a model or a tool, when it was first told.
    `brought` is what the rollout had come by until then."""

    run: int
    node: str
    role: str
    text: str
    brought: Sequence[str] = field(default=(), compare=False)


def strange(runs: Sequence[Run], modules: Sequence[Module], files: Files) -> Iterator[Module]:
    """Texts that models were told and that are no module's, nor from the examples, tools or models.

    For a text that a file of the project holds one rollout is enough. Of others, what stays the same over
    rollouts is taken for the text, and what changes for its placeholders; of one rollout alone only a whole
    system message is told of. What stays the same in a user's message may be data as well: only `possible`.
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
        evidence: Evidence = "seen" if home is not None or message.role == "system" else "possible"
        met[text, style] = Module(
            name=f"{label}.{message.role}" if home is None else naming.slug(home.name),
            kind="prompt",
            text=text,
            style=style,
            placeholders=templates.placeholders(text, style),
            nodes=(message.node,) if message.node else (),
            file=None if home is None else origin.relative(home.file),
            line=None if home is None else home.line,
            evidence=evidence,
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
            pattern = matching.pattern(module.text, module.style, module.placeholders)
            if pattern is not None:
                self._patterns.append(pattern)
            parts = attribution.literals(module.text, module.style, module.placeholders)
            plain = (matching.pattern(part) for part in parts if letters(part) >= matching.ALONE)
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
        if letters(one.text) < matching.ALONE:
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
            if templates.words(rest) >= _SHORT and not _data(rest):
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


def _data(text: str) -> bool:
    """Whether a text is no language: JSON or how Python shows an object, or a list of identifiers."""
    return _SHOWN.match(text) is not None or templates.words(_IDENTIFIER.sub(" ", text)) < _SHORT


_SHOWN = re.compile(r"\s*[\[({]+\s*(?:['\"\[{]|\w+\()")
_IDENTIFIER = re.compile(r"\w*[_\d]\w*")


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
    return [text for text in strings(value) if letters(text) >= _SAID]
