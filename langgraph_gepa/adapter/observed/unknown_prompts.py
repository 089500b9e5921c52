"""Texts that models were told and that are no module's: read from a file on every run, or from nowhere known."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.dataflow import source_locations
from langgraph_gepa.adapter.dataflow.text_files import Files, Text
from langgraph_gepa.adapter.dataflow.wording import LONG
from langgraph_gepa.adapter.objects import naming
from langgraph_gepa.adapter.observed import serialized_values
from langgraph_gepa.adapter.observed.evidence import TEMPLATES, may_be_filled
from langgraph_gepa.adapter.observed.message_parts import Known, Nodes, Run, Told, came_by, heard, in_every_run, itself
from langgraph_gepa.adapter.observed.serialized_values import Stand
from langgraph_gepa.adapter.observed.volatile_text import moments
from langgraph_gepa.adapter.tracing.message_text import letters
from langgraph_gepa.core import matching
from langgraph_gepa.core.module import Evidence, Module, Off, Style
from langgraph_gepa.core.reason import Note, Obstacle, ReadFrom, Reason

_SHORT = 3
"""Words from which a part of such a message is taken for a part of a text."""
_LARGEST = 2_000
"""Words of a message up to which it is compared with others word by word."""
_SAMPLE = 5
"""Other messages a message is compared with."""
_GROUP = 60
"""Messages of one node and role that are compared."""


def strange(runs: Sequence[Run], modules: Sequence[Module], files: Files) -> Iterator[Module]:
    """Texts that models were told and that are no module's, nor from the examples, tools or models.

    For a text that a file of the project holds one rollout is enough. Of others, what stays the same over
    rollouts is taken for the text, and what changes for its placeholders; of one rollout alone only a whole
    system message is told of. What stays the same in a user's message, and a few words within a system message,
    may be data as well: only `possible`. So is what only some of the rollouts say, and what a module that is too short
    to be found anywhere says around some data. A moment is a placeholder, whether or not the rollouts were in one
    second.
    """
    told = heard(runs)
    known = Known(modules)
    kept = {(one.file, one.line) for one in modules if one.off not in (None, Off.UNPROVEN)}
    read = [one for one in _from_files(told, known, files) if (one.file, one.line) not in kept]
    yield from read
    known = Known([*modules, *(replace(one, evidence="seen") for one in read)])  # whether they are on or off
    listed = [one.text for one in modules if one.kind != "prompt"]  # which a prompt may list
    listed += [one.text for one in (*modules, *read) if one.off in (Off.TABLE, Off.DATA)]
    met: dict[tuple[str, Style], Module] = {}
    for text, style, message, reason in _constant(told, known):
        twin = met.get((text, style))
        if twin is not None:
            met[text, style] = replace(twin, nodes=tuple(dict.fromkeys([*twin.nodes, message.node])))
            continue
        home = files.home(text) if style == "plain" else None
        label = naming.label(message.node, "", prebuilt=False) if message.node else "agent"
        data = known.is_filling(text) or serialized_values.holds(text, files.texts)
        data = data or came_by(text, [*listed, *serialized_values.rows(text, files.texts)])
        steers = not data and _steers(text, style, message, told)
        off = None if home is not None or steers else Off.DATA
        met[text, style] = Module(
            name=f"{label}.{message.role}" if home is None else naming.slug(home.name),
            kind="prompt",
            text=text,
            style=style,
            placeholders=templates.placeholders(text, style),
            nodes=(message.node,) if message.node else (),
            file=None if home is None else source_locations.relative(home.file),
            line=None if home is None else home.line,
            evidence="seen" if off is None else "possible",
            off=off,
            reason=reason,
            note=Note(ReadFrom.UNKNOWN if home is None else ReadFrom.LINES if home.part else ReadFrom.FILE),
        )
    yield from met.values()


def _steers(text: str, style: Style, message: Told, told: Sequence[Told]) -> bool:
    """Whether a constant from nowhere known is a prompt: a system message, or more than a few words of one, in every
    rollout that comes to its node."""
    said = templates.word_count(_PATH.sub(" ", text))
    long = text == message.text.strip() or said >= LONG
    return message.role == "system" and long and in_every_run(matching.pattern(text, style), message, told)


def _from_files(told: Sequence[Told], known: Known, files: Files) -> Iterator[Module]:
    found: dict[Text, Module] = {}
    stands: dict[Text, list[Stand]] = {}
    for one in files.texts:
        if letters(one.text) < matching.ALONE:
            continue
        for style in _styles(one):
            pattern = matching.pattern(one.text, style)
            hits = [hit for message in told if pattern is not None for hit in _hits(message, pattern, known)]
            if hits:
                nodes = tuple(dict.fromkeys(message.node for message, _ in hits if message.node))
                found[one], stands[one] = _of_file(one, style, nodes), hits
                break
    dumped = serialized_values.dumps(files, stands)
    whole = {one.file for one in found if not one.keys}
    for core, same in _by_core(found).items():
        twins = files.nearest(same)
        one = twins[0]
        inside = any(core != other.text.strip() and core in other.text for other in found)
        if not inside and not (one.keys and one.file in whole):
            places = ", ".join(f"{twin.file}:{twin.line}" for twin in twins)
            reason = Reason(Obstacle.SEVERAL_PLACES, places) if twins[1:] else None
            off = serialized_values.off(one, stands, files, dumped)
            evidence: Evidence = "seen" if off is None else "possible"
            table = naming.slug(one.stem) if off in (Off.DATA, Off.TABLE) else ""
            yield replace(found[one], reason=reason, off=off, evidence=evidence, table=table)


def _by_core(texts: Iterable[Text]) -> dict[str, list[Text]]:
    found: dict[str, list[Text]] = {}
    for one in texts:
        found.setdefault(one.text.strip(), []).append(one)
    return found


def _hits(message: Told, pattern: matching.Pattern, known: Known) -> Iterator[Stand]:
    """Where the text stands in the message as nothing else."""
    for match in pattern.matches(message.text):
        if itself(message, match, known):
            yield message, match


def _styles(one: Text) -> Iterator[Style]:
    """What a file's text may be: as its name says, else itself, else a template."""
    yield one.style
    if one.style == "plain" and may_be_filled(one.text):
        yield from TEMPLATES


def _of_file(one: Text, style: Style, nodes: Nodes) -> Module:
    return Module(
        name=naming.slug(one.name),
        kind="prompt",
        text=one.text,
        style=style,
        placeholders=templates.placeholders(one.text, style),
        nodes=nodes,
        file=source_locations.relative(one.file),
        line=one.line,
        evidence="seen",
        note=Note(ReadFrom.FILE),
    )


def _constant(told: Sequence[Told], known: Known) -> Iterator[tuple[str, Style, Told, Reason | None]]:
    """What stays the same in the messages of one node and role over the rollouts, as texts with their style."""
    groups: dict[tuple[str, str], list[tuple[Told, str]]] = {}
    for message in told:
        for rest in known.rest(message.text):
            if templates.word_count(rest) >= _SHORT and not _data(rest):
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
                yield (*found, message, None)
            elif not others and message.role == "system" and not came_by(rest, message.brought):
                met.add((rest, "plain"))
                yield rest, "plain", message, Reason(Obstacle.SEEN_ONCE)


def _data(text: str) -> bool:
    """Whether a text is no language: JSON or how Python shows an object, in tags or not, or a list of identifiers."""
    return _SHOWN.match(text) is not None or templates.word_count(_IDENTIFIER.sub(" ", text)) < _SHORT


_SHOWN = re.compile(r"\s*(?:<[^<>]*>\s*)*[\[({]+\s*(?:['\"\[{]|\w+\()")
_PATH = re.compile(r"\S*/\S+")
_IDENTIFIER = re.compile(r"\w*[_\d]\w*")


def _common(text: str, others: Sequence[str], data: Sequence[str]) -> tuple[str, Style] | None:
    """The text, or the template, that `text` and its like among `others` are filled from."""
    if text in others:
        return None if came_by(text, data) else _template(text, [(0, len(text))])
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
    ends = [0, *itertools.accumulate(map(len, words))]
    return _template(text, [(ends[block.start], ends[block.stop]) for block in best], data)


def _template(text: str, same: Sequence[tuple[int, int]], data: Sequence[str] = ()) -> tuple[str, Style] | None:
    """The template of which a text is one filling, whose words are what stays the same but for moments and `data`;
    `None` when that is next to nothing."""
    varying = list(moments(text))
    long = [(start, end) for start, end in same if templates.word_count(text[start:end]) >= _SHORT]
    long = [(start, end) for start, end in long if not came_by(text[start:end].strip(), data)]
    kept = [piece for start, end in long for piece in _without(varying, start, end)]
    if kept == [(0, len(text))]:
        return text, "plain"
    if templates.word_count(" ".join(text[start:end] for start, end in kept)) < LONG:
        return None
    made, at, count = [], 0, 0
    for start, end in (*kept, (len(text), len(text))):
        if start > at:
            count += 1
            made.append(f"{{value_{count}}}")
        made.append(templates.escape(text[start:end]))
        at = end
    return "".join(made), "format"


def _without(spans: Iterable[tuple[int, int]], start: int, end: int) -> Iterator[tuple[int, int]]:
    """What of a stretch lies outside of the spans."""
    for first, last in spans:
        if start < last and first < end:
            if first > start:
                yield start, first
            start = last
    if start < end:
        yield start, end


def _size(words: Sequence[str], blocks: Iterable[slice]) -> int:
    return sum(len("".join(words[block])) for block in blocks)


def _tokens(text: str) -> list[str]:
    """Words, and what stands between them."""
    return re.findall(r"\w+|\s+|[^\w\s]", text)


def _says(text: str, style: Style, said: str) -> bool:
    pattern = matching.pattern(text, style)
    return pattern is not None and any(True for _ in pattern.matches(said))
