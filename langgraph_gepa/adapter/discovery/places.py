"""Where texts stand in the objects of a walk, and whether they reach a model."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Container, Iterator, Mapping
from functools import cached_property, partial
from inspect import cleandoc
from types import FunctionType, MethodType
from typing import Any

import jinja2
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.prompts import BasePromptTemplate, FewShotPromptTemplate, PromptTemplate
from langchain_core.runnables import Runnable, RunnableSequence
from langchain_core.tools import BaseTool

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.dataflow import libraries, message_groups, roles, statements, wording
from langgraph_gepa.adapter.dataflow.filling import Filling, filling
from langgraph_gepa.adapter.dataflow.flow import Flow, Reading, Solution, Source, Vertex, whole_uses
from langgraph_gepa.adapter.dataflow.object_uses import ObjectUses
from langgraph_gepa.adapter.dataflow.uses import PROMPT_NAME, Use
from langgraph_gepa.adapter.discovery import compiled_templates, descriptions
from langgraph_gepa.adapter.objects import Step, functions, imports, source_code
from langgraph_gepa.adapter.objects.literals import Literal
from langgraph_gepa.adapter.objects.place import Place
from langgraph_gepa.adapter.objects.source_code import Position
from langgraph_gepa.adapter.objects.walk import Node, Walk, until_raised
from langgraph_gepa.core.module import Off, Style

_LABELS = {"role", "type", "name", "id"}
_ROLES = {"system", "human", "user", "ai", "assistant", "developer", "placeholder", "tool"}
_CALLED = ("invoke", "ainvoke", "stream", "astream", "batch", "abatch")
"""What a LangChain runnable is called by."""
_WORDS = 4
"""A text that is not seen to flow is worth listing from this many words."""


_MACHINE = re.compile(
    r"\s*(select|with|insert\s+into|update|delete\s+from|create\s+\w+|drop|alter|pragma)\s.*\b(from|set|values|table|into|as)\b"
    r"|\s*(https?://|<[!?a-z/]|[\[{]\s*[\"'\[{])",
    re.IGNORECASE | re.DOTALL,
)
"""SQL, addresses, markup and JSON."""


class Places:
    """Reads the functions of a walk that some node uses, and lists the texts in it."""

    def __init__(self, walk: Walk, used: Container[int]) -> None:
        self.walk = walk
        self.flow = Flow(framework=libraries.of_argument)
        for key, node in walk.nodes.items():
            if key in used and isinstance(node.value, FunctionType) and functions.own(node.value):
                statements.read(self.flow, node.value)
        self._builders()
        self._outputs()
        self.solution: Solution = self.flow.solve()
        self.object_uses = ObjectUses(walk, self.solution)

    def __iter__(self) -> Iterator[Place]:
        yield from descriptions.find(self.walk, self.object_uses)
        for key, node in self.walk.nodes.items():
            yield from until_raised(partial(self._of, key, node))

    def _builders(self) -> None:
        """Functions whose result a model is given: steps before the last one, and what a framework calls a prompt."""
        for node in self.walk.nodes.values():
            if isinstance(node.value, RunnableSequence):
                for runnable in (node.value.first, *node.value.middle):
                    self._returns(functions.held(runnable, "func"))
            elif isinstance(node.value, FunctionType) and not functions.own(node.value):
                about_prompts = "prompt" in node.value.__qualname__
                for step, cell in node.parts:
                    if step[0] == "cell" and (about_prompts or PROMPT_NAME.search(str(step[1]))):
                        self._returns(next((held for _, held in self.walk.nodes[id(cell)].parts), None))

            elif isinstance(node.value, type):
                for step, part in node.parts:
                    self._computed(str(step[-1]), part)

    def _outputs(self) -> None:
        """Functions whose results are outputs: those of tools, which a model reads as such, and methods by which an
        object that is no chain is called like one, as a search or a model of the user's own."""
        for node in self.walk.nodes.values():
            several: list[Any] = []
            tool = isinstance(node.value, BaseTool)
            if isinstance(node.value, BaseTool):
                several = [functions.held(node.value, name) for name in ("func", "coroutine")]
            elif isinstance(node.value, type):
                tool = issubclass(node.value, BaseTool)
                names = ("_run", "_arun") if tool else () if issubclass(node.value, Runnable) else _CALLED
                several = [vars(node.value).get(name) for name in names]
            for held in several:
                function = held.__func__ if isinstance(held, MethodType) else held
                if isinstance(function, FunctionType):
                    self.flow.returning.add(id(function.__code__))
                    self.flow.sinks += [(Source(("ret", id(function.__code__))), "output")] if tool else []

    def _computed(self, name: str, member: Any) -> None:
        """An attribute that a function computes: a property, or a field with a factory."""
        kind = type(member)
        getter = member.fget if kind is property else member.func if kind is cached_property else member
        if type(getter) is FunctionType and (getter is not member or getter.__name__ == "<lambda>"):
            self.flow.edges["attr", name].append(Source(("ret", id(getter.__code__))))

    def _returns(self, function: Any) -> None:
        function = function.__func__ if isinstance(function, MethodType) else function
        if isinstance(function, FunctionType) and functions.own(function):
            self.flow.returns(function)

    def _of(self, key: int, node: Node) -> Iterator[Place]:
        value = node.value
        if isinstance(value, FunctionType):
            yield from self._function(key, node)
        elif isinstance(value, BaseMessage):
            yield from self._message(key, value)
            return
        elif isinstance(value, BasePromptTemplate):
            yield from self._template(key, value)
        elif isinstance(value, jinja2.Template):
            yield from self._compiled(key, value)
        for step, part in node.parts:
            if type(part) is str and templates.speaks(part) and not _label(value, step, part):
                yield from self._string(key, node, step, part, whole_uses(self.object_uses.of(step, node)))

    def _string(self, key: int, node: Node, step: Step, text: str, uses: frozenset[Use]) -> Iterator[Place]:
        if isinstance(node.value, BaseTool | BasePromptTemplate) or (step[0] == "dict" and step[1] != "prompt"):
            return
        if step == ("attr", "__doc__"):  # what a wrapper took over from a function: for people
            return
        if isinstance(node.value, type) and issubclass(node.value, BaseTool) and step[-1] in ("name", "description"):
            return
        how = filling(text, uses)
        told = roles.Text(text, how.style, how.tokens, few=step[0] != "item" or len(node.parts) <= roles.FEW)
        if roles.listed(told, uses):
            yield _judged(Place(key, step, text, **how._asdict()), told, uses)
        elif step[0] in functions.LOOKUPS and isinstance(node.value, FunctionType) and _prose(text):
            yield Place(key, step, text, evidence="possible", off=Off.UNPROVEN, **_unproven(how)._asdict())
        elif type(node.value) is dict and node.value.get("type") == "text" and step == ("item", "text"):
            yield Place(key, step, text)

    def _message(self, key: int, message: BaseMessage) -> Iterator[Place]:
        if isinstance(message.content, str) and templates.speaks(message.content):
            place = Place(key, ("attr", "content"), message.content, hint=message.type)
            output = isinstance(message, AIMessage | ToolMessage)
            yield dataclasses.replace(place, evidence="possible", off=Off.OUTPUT) if output else place

    def _template(self, key: int, template: BasePromptTemplate[Any]) -> Iterator[Place]:
        if isinstance(template, PromptTemplate | FewShotPromptTemplate):
            style: Style = "format" if template.template_format == "f-string" else template.template_format
            for name in ("template", "prefix", "suffix"):
                text = getattr(template, name, "")
                if templates.speaks(text, style):
                    place = Place(key, ("attr", name), text, style=style, hint="" if name == "template" else name)
                    told = roles.Text(text, style, beside=message_groups.has_company(key, self.walk))
                    yield _judged(place, told, frozenset({"prompt"}))

    def _compiled(self, key: int, template: jinja2.Template) -> Iterator[Place]:
        for holder, step in self.walk.holders[key]:
            node = self.walk.nodes[holder]
            if step[0] not in functions.LOOKUPS or not isinstance(node.value, FunctionType):
                continue
            uses = whole_uses(self.object_uses.of(step, node))
            text = (
                compiled_templates.source(template, functions.namespace(node.value, step), str(step[-1]))
                if uses
                else None
            )
            told = roles.Text(text or "", "jinja2")
            if roles.listed(told, uses):
                yield _judged(
                    Place(key, ("source",), told.text, style="jinja2", environment=template.environment), told, uses
                )
                return

    def _function(self, key: int, node: Node) -> Iterator[Place]:
        function: FunctionType = node.value
        reading = self.flow.readings.get(id(function.__code__)) if functions.own(function) else None
        if reading is None:
            return
        covered = {where for where, sources in reading.filling.items() if any(map(self._says, sources))}
        key_of = id(function.__code__)
        few = sum("table" in self.solution.whole_uses(("lit", key_of, where)) for where in reading.texts) <= roles.FEW
        inside = {p for literal in reading.texts.values() for p in _operands(literal, reading.texts)}
        for where, literal in sorted(reading.texts.items()):
            uses = self.solution.whole_uses(("lit", id(function.__code__), where))
            if where in inside and uses <= {"opaque"}:
                continue
            hint = reading.hints.get(where, "")
            how = filling(literal.text, uses, literal.style)
            place = Place(key, ("code", where), literal.text, literal=literal, hint=hint, **how._asdict())
            if where in reading.described and not uses.isdisjoint(("tools", "prompt")):
                # However it gets there, a model is told it as the description of a class or tool.
                kind, name = reading.described[where]
                yield dataclasses.replace(place, kind=kind, text=cleandoc(literal.text), tool=name, style=literal.style)
            elif roles.listed(told := _text_at(where, place, reading, covered, few), uses):
                yield _judged(place, told, uses)
            elif "tool" in uses:
                yield dataclasses.replace(place, kind="tool")
            elif where in reading.loose and _prose(literal.text):
                yield dataclasses.replace(place, evidence="possible", off=Off.UNPROVEN, **_unproven(how)._asdict())

    def _says(self, source: Source) -> bool:
        """Whether a text of the program comes from there, rather than data."""
        todo, met = [source.vertex], set[Vertex]()
        while todo:
            vertex = todo.pop()
            if vertex in met:
                continue
            met.add(vertex)
            reading = self.flow.readings.get(vertex[1]) if vertex[0] == "lit" else None
            if reading is not None and roles.says(reading.texts[vertex[2]]):
                return True
            if vertex[0] == "var" and self._holds_text(vertex):
                return True
            todo.extend(s.vertex for s in self.flow.edges.get(vertex, ()) if s.way in ("same", "made"))
        return False

    def _holds_text(self, variable: Vertex) -> bool:
        reading = self.flow.readings.get(variable[1])
        name = variable[2].partition(".")[0]
        function = None if reading is None else reading.function
        imported = [] if function is None else imports.values(function, name)
        value = imported[0] if imported else None if function is None else function.__globals__.get(name)
        held: list[Any] = (
            [value, *(one for known, one in source_code.enclosed(function) if known == name)] if function else []
        )
        if type(value) is dict or type(value) is list:
            held = list(value.values() if type(value) is dict else value)[: roles.FEW]
        return any(type(one) is str and wording.instructs(one, long=wording.ALONE) for one in held)


def _unproven(how: Filling) -> Filling:
    """A text that is not seen to reach a model may be filled in where that is not seen either."""
    return how._replace(style="unknown") if how.style == "plain" and not how.tokens else how


def _operands(literal: Literal, texts: Mapping[Any, Literal]) -> Iterator[Any]:
    """The texts that lie within another one in the source."""
    for where in texts:
        if where != literal.position and where[:2] >= literal.position[:2] and where[2:] <= literal.position[2:]:
            yield where


def _text_at(where: Position, place: Place, reading: Reading, covered: Container[Position], few: bool) -> roles.Text:
    beside, output = where in reading.beside, where in reading.outputs
    called = PROMPT_NAME.search(place.hint) is not None
    return roles.Text(place.text, place.style, place.tokens, beside, where in covered, few, output, called)


def _judged(place: Place, told: roles.Text, uses: frozenset[Use]) -> Place:
    off = roles.off(told, uses)
    return place if off is None else dataclasses.replace(place, evidence="possible", off=off)


def _prose(text: str) -> bool:
    """Whether a text that is not seen to flow is worth listing: some words that are for no machine."""
    return templates.words(text) >= _WORDS and not _MACHINE.match(text) and not templates.is_name(text)


def _label(holder: Any, step: Step, text: str) -> bool:
    """Whether a string only labels a message: its role or type."""
    if isinstance(holder, tuple):
        return step == ("item", 0) and len(holder) == 2 and text in _ROLES
    return type(holder) is dict and step[1] in _LABELS and "content" in holder
