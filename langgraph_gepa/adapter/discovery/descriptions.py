"""Finds the descriptions that tools and schemas give to a model: their own, and those of arguments and fields."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from inspect import cleandoc
from types import FunctionType
from typing import Any

from langchain.agents.structured_output import OutputToolBinding
from langchain_core.runnables import RunnableBinding
from langchain_core.tools import BaseTool

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.dataflow.object_uses import ObjectUses
from langgraph_gepa.adapter.objects import naming, schemas
from langgraph_gepa.adapter.objects.place import Place
from langgraph_gepa.adapter.objects.walk import Walk, until_raised
from langgraph_gepa.core.module import Kind

_WORDS = 3
"""Words from which a text is recognised inside another one."""
_PARAMETERS = ("parameters", "input_schema", "schema")
_DEFINED = ("$defs", "definitions")
_WITHIN = ("items", "anyOf", "allOf", "oneOf", "additionalProperties")


@dataclass(frozen=True, slots=True)
class _Descriptions:
    """What the search for descriptions looks things up in.

    `structured` are the ids of the dicts that describe a model's answer, `named` the dicts that describe what they
    name, by id.
    """

    walk: Walk
    object_uses: ObjectUses
    structured: set[int]
    named: Mapping[int, Mapping[str, Any]]

    def of_object(self, key: int, value: Any) -> Iterator[Place]:
        if isinstance(value, BaseTool):
            yield from self._of_tool(value, key)
        elif isinstance(value, FunctionType):
            if isinstance(value.__doc__, str) and value.__doc__ and self.object_uses.described(key):
                yield Place(key, ("doc",), cleandoc(value.__doc__), "tool", tool=value.__name__)
        elif isinstance(value, type):
            if self.object_uses.described(key) and not _arguments_only(key, self.walk):
                yield from _class(value, key, "schema", value.__name__)
        elif type(value) is dict:
            yield from self._of_dict(value, key)

    def _of_dict(self, value: dict[str, Any], key: int) -> Iterator[Place]:
        structured = key in self.structured
        if name := _function_name(value):
            yield from _frozen(value, "schema" if structured else "tool", name)
        elif not structured and not self.object_uses.described(key):
            return
        elif name := _title(value):
            yield from _frozen(value, "schema", name)
        elif _is_schema(value) and self.object_uses.described(key) and not self._is_within_another(key):
            yield from _frozen(value, "schema", naming.held_as(self.walk, key) or "schema")

    def _of_tool(self, tool: BaseTool, key: int) -> Iterator[Place]:
        holders = (self.walk.nodes[holder].value for holder, _ in self.walk.holders.get(key, ()))
        kind: Kind = "schema" if any(isinstance(holder, OutputToolBinding) for holder in holders) else "tool"
        inside = {
            at: one
            for at, one in self.named.items()
            if one["description"] in tool.description and key in self.walk.above({at})
        }
        if inside:
            yield from _composed(tool, key, kind, inside)
        elif templates.has_words(tool.description):
            yield Place(key, ("attr", "description"), tool.description, kind, tool=tool.name)
        arguments: Any = tool.args_schema
        if isinstance(arguments, type) and id(arguments) in self.walk.nodes:
            yield from _fields(arguments, id(arguments), kind, tool.name)
        elif type(arguments) is dict:
            for name, field in _named_parts(arguments.get("properties"), tool.name):
                yield from _schema(field, kind, name)

    def _is_within_another(self, key: int) -> bool:
        """Whether a schema is a part of another one, with which it is listed."""
        return any(
            type(self.walk.nodes[holder].value) in (dict, list) and self.object_uses.described(holder)
            for holder, _ in self.walk.holders.get(key, ())
        )


def find(walk: Walk, object_uses: ObjectUses) -> Iterator[Place]:
    """The places of the descriptions of tools and schemas in a walk."""
    search = _Descriptions(walk, object_uses, _structured(walk), _named_texts(walk))
    for key, node in walk.nodes.items():
        yield from until_raised(partial(search.of_object, key, node.value))


def _composed(tool: BaseTool, key: int, kind: Kind, inside: Mapping[int, Mapping[str, Any]]) -> Iterator[Place]:
    """The places of a tool that lists others, as deep agents' `task` lists its sub-agents: the description of each is
    a text of its own, which fills a placeholder of the tool's."""
    text, parts = templates.escape(tool.description), {}
    for at, one in inside.items():
        name = re.sub(r"\W+", "_", one["name"])
        written = templates.escape(one["description"])
        yield Place(at, ("item", "description"), one["description"], kind, tool=f"{tool.name}.{name}")
        if name not in parts and written in text:
            text = text.replace(written, f"{{{name}}}", 1)
            parts[name] = (at, ("item", "description"))
    yield Place(key, ("attr", "description"), text, kind, "format", tool=tool.name, parts=parts)


def _named_texts(walk: Walk) -> dict[int, Mapping[str, Any]]:
    """The dicts that describe what they name and are no functions or schemas for a model."""
    return {
        key: node.value
        for key, node in walk.nodes.items()
        if type(node.value) is dict
        and isinstance(node.value.get("name"), str)
        and templates.word_count(str(node.value.get("description") or "")) >= _WORDS
        and not _function_name(node.value)
    }


def _class(cls: type, key: int, kind: Kind, name: str) -> Iterator[Place]:
    if templates.has_words(text := schemas.docstring(cls)):
        yield Place(key, ("doc",), text, kind, tool=name)
    yield from _fields(cls, key, kind, name)


def _fields(cls: type, key: int, kind: Kind, name: str) -> Iterator[Place]:
    for field, text in schemas.descriptions(cls):
        if templates.has_words(text):
            yield Place(key, ("described", field), text, kind, tool=f"{name}.{field}")


def _arguments_only(key: int, walk: Walk) -> bool:
    """Whether a class only holds the arguments of a tool, whose description replaces the docstring of the class."""
    return all(
        step[-1] == "args_schema" and (isinstance(holder, BaseTool) or _subclass(holder, BaseTool))
        for holder, step in ((walk.nodes[holder].value, step) for holder, step in walk.holders.get(key, ()))
    )


def _subclass(value: Any, base: type) -> bool:
    return isinstance(value, type) and issubclass(value, base)


def _function_name(value: Mapping[str, Any]) -> str:
    """The name of the function that a dict describes to a model, written by LangChain or the user."""
    name = value.get("name")
    return name if isinstance(name, str) and any(isinstance(value.get(key), dict) for key in _PARAMETERS) else ""


def _title(value: Mapping[str, Any]) -> str:
    """The title of a JSON schema."""
    title = value.get("title")
    return title if isinstance(title, str) and isinstance(value.get("properties"), dict) else ""


def _is_schema(value: Mapping[str, Any]) -> bool:
    """Whether a dict is a JSON schema, with or without a title."""
    return type(value.get("properties")) is dict or any(type(value.get(key)) is list for key in _WITHIN)


def _frozen(value: dict[str, Any], kind: Kind, name: str) -> Iterator[Place]:
    yield from _schema(value, kind, name)
    for parameters in (value[key] for key in _PARAMETERS if isinstance(value.get(key), dict)):
        yield from _inside(parameters, kind, name)


def _schema(schema: dict[str, Any], kind: Kind, name: str, above: tuple[int, ...] = ()) -> Iterator[Place]:
    """The descriptions of a JSON schema and of all its parts."""
    text = schema.get("description")
    if isinstance(text, str) and templates.has_words(text):
        yield Place(id(schema), ("item", "description"), text, kind, tool=name)
    yield from _inside(schema, kind, name, above)


def _inside(schema: dict[str, Any], kind: Kind, name: str, above: tuple[int, ...] = ()) -> Iterator[Place]:
    if id(schema) not in above:  # a schema whose references were resolved holds itself
        for part_name, part in _parts(schema, name):
            yield from _schema(part, kind, part_name, (*above, id(schema)))


def _parts(schema: dict[str, Any], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from _named_parts(schema.get("properties"), name)
    for key in _WITHIN:
        inner = schema.get(key)
        for one in inner if isinstance(inner, list) else [inner]:
            if type(one) is dict:
                yield _title(one) or name, one
    for key in _DEFINED:
        yield from _named_parts(schema.get(key), name)


def _named_parts(parts: Any, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for key, part in parts.items() if type(parts) is dict else ():
        if type(part) is dict:
            yield f"{name}.{key}", part


def _structured(walk: Walk) -> set[int]:
    """The ids of the dicts that a model holds to answer by a schema."""
    found: set[int] = set()
    todo = [
        held
        for node in walk.nodes.values()
        if isinstance(node.value, RunnableBinding)
        for name, held in node.value.kwargs.items()
        if "ls_structured_output_format" in node.value.kwargs or name == "response_format"
    ]
    while todo:
        held = todo.pop()
        if type(held) in (dict, list) and id(held) not in found:
            found.add(id(held))
            todo.extend(held.values() if type(held) is dict else held)
    return found
