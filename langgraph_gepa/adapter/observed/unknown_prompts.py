"""Finds prompts in messages that are no module's: read from a file on every run, or from an unknown origin."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.dataflow import source_locations
from langgraph_gepa.adapter.dataflow.filling import placeholders_of
from langgraph_gepa.adapter.dataflow.text_files import Files, Text
from langgraph_gepa.adapter.dataflow.wording import LONG
from langgraph_gepa.adapter.objects import naming
from langgraph_gepa.adapter.observed import serialized_values
from langgraph_gepa.adapter.observed.constant_text import Constant, constants
from langgraph_gepa.adapter.observed.evidence import TEMPLATES, may_be_filled
from langgraph_gepa.adapter.observed.message_parts import (
    KnownTexts,
    Nodes,
    Run,
    SentMessage,
    comes_from,
    is_in_every_run,
    is_unknown,
    sent_messages,
)
from langgraph_gepa.adapter.observed.serialized_values import Occurrence
from langgraph_gepa.core import matching
from langgraph_gepa.core.module import Evidence, Module, Off, Style
from langgraph_gepa.core.reason import Note, Obstacle, ReadFrom, Reason

_PATH = re.compile(r"\S*/\S+")


def unknown_prompts(runs: Sequence[Run], modules: Sequence[Module], files: Files) -> Iterator[Module]:
    """Yields texts that models were sent and that are no module's, nor from the examples, tools or models.

    For a text that a file of the project holds, one rollout is enough. Of others, what stays the same over rollouts is
    taken for the text, and what changes for its placeholders; of one rollout alone, only a whole system message is
    reported. What may be data as well is only `possible`: what stays the same in a user's message, a few words within
    a system message, what only some of the rollouts sent, and a module that is too short to be found anywhere, filled
    with data. A date or time is a placeholder, even where all rollouts ran within one second.
    """
    messages = sent_messages(runs)
    off = {(one.file, one.line) for one in modules if one.off not in (None, Off.UNPROVEN)}
    read = [one for one in _from_files(messages, KnownTexts(modules), files) if (one.file, one.line) not in off]
    yield from read
    known = KnownTexts([*modules, *(replace(one, evidence="seen") for one in read)])  # whether they are on or off
    listed = [one.text for one in modules if one.kind != "prompt"]  # which a prompt may list
    listed += [one.text for one in (*modules, *read) if one.off in (Off.TABLE, Off.DATA)]
    found: dict[tuple[str, Style], Module] = {}
    for constant in constants(messages, known):
        key = constant.text, constant.style
        if key in found:
            nodes = dict.fromkeys([*found[key].nodes, constant.message.node])
            found[key] = replace(found[key], nodes=tuple(nodes))
        else:
            data = known.is_filled(constant.text) or _is_file_data(constant.text, files, listed)
            found[key] = _module(constant, files, steers=not data and _steers(constant, messages))
    yield from found.values()


def _is_file_data(text: str, files: Files, listed: Sequence[str]) -> bool:
    """Whether a text holds a file serialised, or comes from rows of one or texts that a prompt may list."""
    if serialized_values.holds_serialized(text, files.texts):
        return True
    return comes_from(text, [*listed, *serialized_values.rows(text, files.texts)])


def _steers(constant: Constant, messages: Sequence[SentMessage]) -> bool:
    """Whether a constant of unknown origin is a prompt: a system message, or more than a few words of one, in every
    rollout that reaches its node."""
    text, style, message, _ = constant
    long = text == message.text.strip() or templates.word_count(_PATH.sub(" ", text)) >= LONG
    return message.role == "system" and long and is_in_every_run(matching.pattern(text, style), message, messages)


def _module(constant: Constant, files: Files, *, steers: bool) -> Module:
    text, style, message, once = constant
    home = files.home(text) if style == "plain" else None
    label = naming.label(message.node, "", prebuilt=False) if message.node else "agent"
    off = None if home is not None or steers else Off.DATA
    return Module(
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
        reason=Reason(Obstacle.SEEN_ONCE) if once else None,
        note=Note(ReadFrom.UNKNOWN if home is None else ReadFrom.LINES if home.part else ReadFrom.FILE),
    )


def _from_files(messages: Sequence[SentMessage], known: KnownTexts, files: Files) -> Iterator[Module]:
    """The texts of files that messages carry, of equal ones the nearest to the sources."""
    found: dict[Text, Module] = {}
    occurrences: dict[Text, list[Occurrence]] = {}
    for one in files.texts:
        for style in _styles(one) if matching.letters(one.text) >= matching.ANYWHERE else ():
            pattern = matching.pattern(one.text, style)
            if pattern is not None and (there := _occurrences(messages, pattern, known)):
                nodes = tuple(dict.fromkeys(message.node for message, _ in there if message.node))
                found[one], occurrences[one] = file_module(one, style, nodes=nodes), there
                break
    serialized = serialized_values.serialized_files(files, occurrences)
    whole = {one.file for one in found if not one.keys}
    for text, same in _by_stripped_text(found).items():
        twins = files.nearest(same)
        one = twins[0]
        inside = any(text != other.text.strip() and text in other.text for other in found)
        if not inside and not (one.keys and one.file in whole):
            places = ", ".join(f"{twin.file}:{twin.line}" for twin in twins)
            reason = Reason(Obstacle.SEVERAL_PLACES, places) if twins[1:] else None
            off = serialized_values.off(one, occurrences[one], files, serialized)
            evidence: Evidence = "seen" if off is None else "possible"
            table = naming.slug(one.stem) if off in (Off.DATA, Off.TABLE) else ""
            yield replace(found[one], reason=reason, off=off, evidence=evidence, table=table)


def _by_stripped_text(texts: Iterable[Text]) -> dict[str, list[Text]]:
    found: dict[str, list[Text]] = {}
    for one in texts:
        found.setdefault(one.text.strip(), []).append(one)
    return found


def _occurrences(messages: Iterable[SentMessage], pattern: matching.Pattern, known: KnownTexts) -> list[Occurrence]:
    """Where a text stands in the messages and is neither a known module's nor data."""
    return [
        (message, match)
        for message in messages
        for match in pattern.matches(message.text)
        if is_unknown(message, match, known)
    ]


def _styles(one: Text) -> Iterator[Style]:
    """The styles that the text of a file may have: that of its name, else plain, else a template's."""
    yield one.style
    if one.style == "plain" and may_be_filled(one.text):
        yield from TEMPLATES


def file_module(one: Text, style: Style, tokens: Sequence[str] = (), nodes: Nodes = ()) -> Module:
    """The module of a text that is read from its file when the graph runs."""
    placeholders, broken = placeholders_of(one.text, style, tokens)
    return Module(
        name=naming.slug(one.name),
        kind="prompt",
        text=one.text,
        style=style,
        placeholders=placeholders,
        nodes=nodes,
        file=source_locations.relative(one.file),
        line=one.line,
        reason=broken,
        note=Note(ReadFrom.FILE),
    )
