"""Reads a graph's functions into one data flow, and adds what only LangChain's objects show of their results."""

from __future__ import annotations

from collections.abc import Container
from functools import cached_property
from types import FunctionType, MethodType
from typing import Any

from langchain_core.runnables import Runnable, RunnableSequence
from langchain_core.tools import BaseTool

from langgraph_gepa.adapter.dataflow import libraries, statements
from langgraph_gepa.adapter.dataflow.flow import Flow, Source
from langgraph_gepa.adapter.dataflow.uses import PROMPT_NAME
from langgraph_gepa.adapter.objects import functions
from langgraph_gepa.adapter.objects.walk import Node, Walk

_CALL_METHODS = ("invoke", "ainvoke", "stream", "astream", "batch", "abatch")
"""The methods by which a LangChain runnable is called."""


def read_functions(walk: Walk, used: Container[int]) -> Flow:
    """Reads the user's functions in a walk; `used` are the ids of the objects that some node reaches."""
    flow = Flow(library_uses=libraries.argument_uses)
    for key, node in walk.nodes.items():
        if key in used and isinstance(node.value, FunctionType) and functions.own(node.value):
            statements.read(flow, node.value)
    for node in walk.nodes.values():
        if isinstance(node.value, RunnableSequence):
            for runnable in (node.value.first, *node.value.middle):
                _add_prompt_builder(flow, functions.own_attribute(runnable, "func"))
        elif isinstance(node.value, FunctionType) and not functions.own(node.value):
            for builder in _framework_prompts(walk, node):
                _add_prompt_builder(flow, builder)
        elif isinstance(node.value, type):
            for step, part in node.parts:
                _add_computed_attribute(flow, str(step[-1]), part)
    for node in walk.nodes.values():
        _add_outputs(flow, node.value)
    return flow


def _framework_prompts(walk: Walk, node: Node) -> list[Any]:
    """What a function of a framework holds in its closure as a prompt."""
    about_prompts = "prompt" in node.value.__qualname__
    cells = [
        cell for step, cell in node.parts if step[0] == "cell" and (about_prompts or PROMPT_NAME.search(str(step[1])))
    ]
    return [next((held for _, held in walk.nodes[id(cell)].parts), None) for cell in cells]


def _add_prompt_builder(flow: Flow, function: Any) -> None:
    """A model is given what this function returns."""
    function = _plain(function)
    if isinstance(function, FunctionType) and functions.own(function):
        flow.add_result(function)


def _add_computed_attribute(flow: Flow, name: str, member: Any) -> None:
    """A function computes this attribute: a property, or a field with a factory."""
    kind = type(member)
    getter = member.fget if kind is property else member.func if kind is cached_property else member
    if type(getter) is FunctionType and (getter is not member or getter.__name__ == "<lambda>"):
        flow.edges["attr", name].append(Source(("ret", id(getter.__code__))))


def _add_outputs(flow: Flow, value: Any) -> None:
    """The results of an object's functions are outputs: those of a tool, which a model reads as such, and those of
    methods by which an object that is no runnable is called like one, such as a search or a model of the user's."""
    members: list[Any] = []
    is_tool = isinstance(value, BaseTool) or (isinstance(value, type) and issubclass(value, BaseTool))
    if isinstance(value, BaseTool):
        members = [functions.own_attribute(value, name) for name in ("func", "coroutine")]
    elif isinstance(value, type):
        names = ("_run", "_arun") if is_tool else () if issubclass(value, Runnable) else _CALL_METHODS
        members = [vars(value).get(name) for name in names]
    for function in map(_plain, members):
        if isinstance(function, FunctionType):
            flow.output_functions.add(id(function.__code__))
            flow.sinks += [(Source(("ret", id(function.__code__))), "output")] if is_tool else []


def _plain(function: Any) -> Any:
    return function.__func__ if isinstance(function, MethodType) else function
