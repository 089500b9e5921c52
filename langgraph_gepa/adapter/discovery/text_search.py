"""Finds the places in a graph's objects where texts stand, and which of the texts reach a model."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Iterator
from functools import partial
from types import FunctionType
from typing import Any

import jinja2
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.prompts import BasePromptTemplate, FewShotPromptTemplate, PromptTemplate
from langchain_core.tools import BaseTool

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.dataflow import message_groups, roles
from langgraph_gepa.adapter.dataflow.filling import filling
from langgraph_gepa.adapter.dataflow.flow import Solution, whole_uses
from langgraph_gepa.adapter.dataflow.object_uses import ObjectUses
from langgraph_gepa.adapter.dataflow.uses import Use
from langgraph_gepa.adapter.discovery import descriptions, function_texts, template_sources
from langgraph_gepa.adapter.discovery.function_flow import read_functions
from langgraph_gepa.adapter.discovery.function_texts import judged
from langgraph_gepa.adapter.objects import Step, functions
from langgraph_gepa.adapter.objects.place import Place
from langgraph_gepa.adapter.objects.walk import Node, Walk, until_raised
from langgraph_gepa.core.module import Off, Style

_LABELS = {"role", "type", "name", "id"}
_ROLES = {"system", "human", "user", "ai", "assistant", "developer", "placeholder", "tool"}


class TextSearch:
    """Reads the functions of a walk into a data flow and iterates over the places of its texts.

    `used` are the ids of the objects that some node reaches.
    """

    def __init__(self, walk: Walk, used: Container[int]) -> None:
        self.walk = walk
        self.flow = read_functions(walk, used)
        self.solution: Solution = self.flow.solve()
        self.object_uses = ObjectUses(walk, self.solution)

    def __iter__(self) -> Iterator[Place]:
        yield from descriptions.find(self.walk, self.object_uses)
        for key, node in self.walk.nodes.items():
            yield from until_raised(partial(self._in_object, key, node))

    def _in_object(self, key: int, node: Node) -> Iterator[Place]:
        value = node.value
        if isinstance(value, FunctionType):
            yield from function_texts.find(key, value, self.flow, self.solution)
        elif isinstance(value, BaseMessage):
            yield from _in_message(key, value)
            return
        elif isinstance(value, BasePromptTemplate):
            yield from self._in_template(key, value)
        elif isinstance(value, jinja2.Template):
            yield from self._in_compiled_template(key, value)
        for step, part in node.parts:
            if type(part) is str and templates.has_words(part) and not _is_label(value, step, part):
                yield from _in_part(key, node, step, part, whole_uses(self.object_uses.of(step, node)))

    def _in_template(self, key: int, template: BasePromptTemplate[Any]) -> Iterator[Place]:
        if isinstance(template, PromptTemplate | FewShotPromptTemplate):
            style: Style = "format" if template.template_format == "f-string" else template.template_format
            for name in ("template", "prefix", "suffix"):
                text = getattr(template, name, "")
                if templates.has_words(text, style):
                    place = Place(key, ("attr", name), text, style=style, hint="" if name == "template" else name)
                    found = roles.Text(text, style, beside=message_groups.is_beside_instructions(key, self.walk))
                    yield judged(place, found, frozenset({"prompt"}))

    def _in_compiled_template(self, key: int, template: jinja2.Template) -> Iterator[Place]:
        for holder, step in self.walk.holders[key]:
            node = self.walk.nodes[holder]
            if step[0] not in functions.LOOKUPS or not isinstance(node.value, FunctionType):
                continue
            uses = whole_uses(self.object_uses.of(step, node))
            names = functions.namespace(node.value, step)
            source = template_sources.compiled_source(template, names, str(step[-1])) if uses else None
            text = roles.Text(source or "", "jinja2")
            if roles.listed(text, uses):
                place = Place(key, ("source",), text.text, style="jinja2", environment=template.environment)
                yield judged(place, text, uses)
                return


def _in_part(key: int, node: Node, step: Step, text: str, uses: frozenset[Use]) -> Iterator[Place]:
    """The place of a string that is a part of an object, where the string may reach a model."""
    if _is_found_elsewhere(node.value, step):
        return
    how = filling(text, uses)
    place = Place(key, step, text, **how._asdict())
    found = roles.Text(text, how.style, how.tokens, few=step[0] != "item" or len(node.parts) <= roles.FEW)
    if roles.listed(found, uses):
        yield judged(place, found, uses)
    elif step[0] in functions.LOOKUPS and isinstance(node.value, FunctionType) and function_texts.is_prose(text):
        yield function_texts.unproven(place)
    elif type(node.value) is dict and node.value.get("type") == "text" and step == ("item", "text"):
        yield Place(key, step, text)


def _is_found_elsewhere(holder: Any, step: Step) -> bool:
    """Whether a string is looked at in another way, or is for people: a docstring that a wrapper took over."""
    if isinstance(holder, BaseTool | BasePromptTemplate) or step == ("attr", "__doc__"):
        return True
    if isinstance(holder, type) and issubclass(holder, BaseTool) and step[-1] in ("name", "description"):
        return True
    return step[0] == "dict" and step[1] != "prompt"


def _in_message(key: int, message: BaseMessage) -> Iterator[Place]:
    if isinstance(message.content, str) and templates.has_words(message.content):
        place = Place(key, ("attr", "content"), message.content, hint=message.type)
        output = isinstance(message, AIMessage | ToolMessage)
        yield dataclasses.replace(place, evidence="possible", off=Off.OUTPUT) if output else place


def _is_label(holder: Any, step: Step, text: str) -> bool:
    """Whether a string only labels a message: its role or type."""
    if isinstance(holder, tuple):
        return step == ("item", 0) and len(holder) == 2 and text in _ROLES
    return type(holder) is dict and step[1] in _LABELS and "content" in holder
