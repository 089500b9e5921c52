"""Lists the texts that are written in the code of a function, with how the data flow uses each."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Container, Iterator, Mapping
from inspect import cleandoc
from types import FunctionType
from typing import Any

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.dataflow import roles, wording
from langgraph_gepa.adapter.dataflow.filling import filling
from langgraph_gepa.adapter.dataflow.flow import Flow, Reading, Solution, Source, Vertex
from langgraph_gepa.adapter.dataflow.uses import PROMPT_NAME, Use
from langgraph_gepa.adapter.objects import functions, imports, source_code
from langgraph_gepa.adapter.objects.place import Place
from langgraph_gepa.adapter.objects.source_code import Position
from langgraph_gepa.adapter.objects.text_literals import Literal
from langgraph_gepa.core.module import Off

_WORDS = 4
"""A text that is not seen to flow is worth listing from this many words."""
_FOR_MACHINES = re.compile(
    r"\s*(select|with|insert\s+into|update|delete\s+from|create\s+\w+|drop|alter|pragma)\s.*\b(from|set|values|table|into|as)\b"
    r"|\s*(https?://|<[!?a-z/]|[\[{]\s*[\"'\[{])",
    re.IGNORECASE | re.DOTALL,
)
"""SQL, addresses, markup and JSON."""


def find(key: int, function: FunctionType, flow: Flow, solution: Solution) -> Iterator[Place]:
    """The places of the texts in the code of one function; `key` is its id."""
    reading = flow.readings.get(id(function.__code__)) if functions.own(function) else None
    if reading is None:
        return
    covered = {at for at, sources in reading.filling.items() if any(_is_instruction(flow, one) for one in sources)}
    uses_of = {at: solution.whole_uses(("lit", id(function.__code__), at)) for at in reading.texts}
    few = sum("table" in uses for uses in uses_of.values()) <= roles.FEW
    operands = {at for literal in reading.texts.values() for at in _operands(literal, reading.texts)}
    for at, literal in sorted(reading.texts.items()):
        uses = uses_of[at]
        if at not in operands or not uses <= {"opaque"}:
            how = filling(literal.text, uses, literal.style)
            hint = reading.hints.get(at, "")
            place = Place(key, ("code", at), literal.text, literal=literal, hint=hint, **how._asdict())
            yield from _listed(place, literal, uses, _text_at(at, place, reading, covered, few), reading)


def _listed(
    place: Place, literal: Literal, uses: frozenset[Use], text: roles.Text, reading: Reading
) -> Iterator[Place]:
    """The place with what its text is: a description, a prompt, or a text that is worth listing all the same."""
    if literal.position in reading.described and not uses.isdisjoint(("tools", "prompt")):
        # However it gets there, a model reads it as the description of a class or tool.
        kind, name = reading.described[literal.position]
        yield dataclasses.replace(place, kind=kind, text=cleandoc(literal.text), tool=name, style=literal.style)
    elif roles.listed(text, uses):
        yield judged(place, text, uses)
    elif "tool" in uses:
        yield dataclasses.replace(place, kind="tool")
    elif literal.position in reading.loose and is_prose(literal.text):
        yield unproven(place)


def judged(place: Place, text: roles.Text, uses: frozenset[Use]) -> Place:
    """The place with why its text is off, where it is."""
    off = roles.off(text, uses)
    return place if off is None else dataclasses.replace(place, evidence="possible", off=off)


def unproven(place: Place) -> Place:
    """The place of a text that is not seen to reach a model: what fills it in may not be seen either."""
    unknown = place.style == "plain" and not place.tokens
    return dataclasses.replace(
        place, evidence="possible", off=Off.UNPROVEN, style="unknown" if unknown else place.style
    )


def is_prose(text: str) -> bool:
    """Whether a text that is not seen to flow is worth listing: some words that are for no machine."""
    return templates.word_count(text) >= _WORDS and not _FOR_MACHINES.match(text) and not templates.is_name(text)


def _is_instruction(flow: Flow, source: Source) -> bool:
    """Whether an instruction of the program comes from there, rather than data."""
    todo, met = [source.vertex], set[Vertex]()
    while todo:
        vertex = todo.pop()
        if vertex in met:
            continue
        met.add(vertex)
        reading = flow.readings.get(vertex[1]) if vertex[0] in ("lit", "var") else None
        if reading is not None and vertex[0] == "lit" and roles.always_instructs(reading.texts[vertex[2]]):
            return True
        if reading is not None and vertex[0] == "var" and _holds_instruction(reading.function, vertex[2]):
            return True
        todo.extend(one.vertex for one in flow.edges.get(vertex, ()) if one.way in ("same", "made"))
    return False


def _holds_instruction(function: FunctionType, variable: str) -> bool:
    """Whether a function sees an instruction under a name: imported, global or in its closure."""
    name = variable.partition(".")[0]
    imported = imports.values(function, name)
    value = imported[0] if imported else function.__globals__.get(name)
    held: list[Any] = [value, *(one for known, one in source_code.enclosed(function) if known == name)]
    if type(value) is dict or type(value) is list:
        held = list(value.values() if type(value) is dict else value)[: roles.FEW]
    return any(type(one) is str and wording.instructs(one, long=wording.ALONE) for one in held)


def _operands(literal: Literal, texts: Mapping[Position, Literal]) -> Iterator[Position]:
    """The texts that lie within another one in the source."""
    for at in texts:
        if at != literal.position and at[:2] >= literal.position[:2] and at[2:] <= literal.position[2:]:
            yield at


def _text_at(at: Position, place: Place, reading: Reading, covered: Container[Position], few: bool) -> roles.Text:
    beside, output = at in reading.beside, at in reading.outputs
    called = PROMPT_NAME.search(place.hint) is not None
    return roles.Text(place.text, place.style, place.tokens, beside, at in covered, few, output, called)
