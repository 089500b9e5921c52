"""Calls that give texts to a model: messages, templates, models and agents, tools."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from langchain_core.documents import BaseDocumentCompressor
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.prompts import BasePromptTemplate
from langchain_core.prompts.message import BaseMessagePromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool

from langgraph_gepa.agent.engines import MISSING
from langgraph_gepa.agent.expressions import Expressions, last
from langgraph_gepa.agent.flow import Use, style_of
from langgraph_gepa.search.module import Style

WORDS = 4
"""From this many words on a text is more than a name or a value."""

CALLS = {"invoke", "ainvoke", "stream", "astream", "batch", "abatch", "predict", "generate", "agenerate",
          "astream_events", "generate_content", "complete", "acomplete"}  # fmt: skip
_SPEAKERS = {"SystemMessage", "HumanMessage", "ChatMessage", "RemoveMessage", "AIMessage", "ToolMessage"}
_HEARD = {"SystemMessage", "HumanMessage", "ChatMessage"}
_TAKERS = {"bind_tools", "with_structured_output", "ToolNode", "ToolStrategy", "ProviderStrategy", "create_agent",
           "create_react_agent", "create_deep_agent", "create_extractor"}  # fmt: skip
_TOLD = ("messages", "input")
"""Keys of a mapping under which a model or an agent is told something, rather than a template filled."""
_DESCRIBED = ("tools", "schema", "response_format", "args_schema", "pydantic_object")
"""Arguments that are described to a model."""
_TOOL_MAKERS = {"tool", "from_function", "Tool", "StructuredTool", "create_handoff_tool"}
_TEXTS = ("template", "messages", "prefix", "suffix")

Sink = tuple[ast.expr, Use]


def of_call(node: ast.Call, expressions: Expressions) -> Iterator[Sink]:
    """The arguments of a call that a model is given, and how."""
    name, target = last(node.func), expressions.resolve(node.func)
    first = node.args[0] if node.args else None
    given = {k.arg: k.value for k in node.keywords if k.arg}
    if _is_message(name, target):
        if name in _HEARD or _subclass(target, (SystemMessage, HumanMessage)):
            yield from _prompt(given.get("content", given.get("content_blocks", first)))
    elif (template := _template(node, name, expressions)) is not None:
        for argument in [*node.args, *(given[k] for k in _TEXTS if k in given)]:
            yield from _template_text(argument, template, expressions)
    elif name in CALLS and isinstance(node.func, ast.Attribute):
        if not issubclass(type(target), BaseTool | BaseRetriever | BaseDocumentCompressor):
            yield from _input(given.get("input", given.get("messages", first)))
    elif name in _TAKERS and node.args:
        yield node.args[-1], "tools"
    yield from expressions.filled(node)
    yield from ((given[k], "tools") for k in _DESCRIBED if k in given)
    if name in _TOOL_MAKERS and "description" in given:
        yield given["description"], "tool"


def answer(node: ast.Call, expressions: Expressions) -> ast.expr | None:
    """The text of a message that a program writes in the name of a tool or a model: most often a result."""
    name, target = last(node.func), expressions.resolve(node.func)
    if not (_subclass(target, (ToolMessage, AIMessage)) or (target is MISSING and name in _SPEAKERS - _HEARD)):
        return None
    given = {k.arg: k.value for k in node.keywords}
    return given.get("content", node.args[0] if node.args else None)


def _prompt(node: ast.expr | None) -> Iterator[Sink]:
    if node is not None:
        yield node, "prompt"


def _input(node: ast.expr | None) -> Iterator[Sink]:
    """What a runnable is called with; of a mapping the messages are told, the rest fills placeholders."""
    if not isinstance(node, ast.Dict):
        yield from _prompt(node)
        return
    for key, value in zip(node.keys, node.values, strict=True):
        told = key is None or (isinstance(key, ast.Constant) and key.value in _TOLD)
        yield value, "prompt" if told else "inserted"


def _template(node: ast.Call, name: str, expressions: Expressions) -> Style | None:
    """The style of the template a call makes, if it makes one."""
    maker = node.func.value if isinstance(node.func, ast.Attribute) and name.startswith("from_") else node.func
    made = expressions.resolve(maker)
    known = _subclass(made, (BasePromptTemplate, BaseMessagePromptTemplate))
    if not (known or last(maker).endswith("PromptTemplate")):
        return None
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    if name == "from_messages" and len(node.args) > 1:
        given["template_format"] = node.args[1]
    match given.get("template_format"):
        case None:
            return "unknown" if None in given else "format"
        case ast.Constant(value=language):
            return "format" if language == "f-string" else style_of([language])
    return "unknown"


def _template_text(node: ast.expr, style: Style, expressions: Expressions) -> Iterator[Sink]:
    """Text given to a template: strings are templates, and so is the second of a (role, text) pair."""
    match node:
        case ast.List(elts=several):
            for one in several:
                yield from _template_text(one, style, expressions)
        case ast.Tuple(elts=[ast.Constant(), text]):
            yield from _template_text(text, style, expressions)
        case ast.Call() if _is_message(last(node.func), expressions.resolve(node.func)):
            pass
        case _:
            yield node, "prompt"
            yield node, style


def _subclass(target: Any, bases: tuple[type, ...]) -> bool:
    return issubclass(type(target), type) and issubclass(target, bases)


def _is_message(name: str, target: Any) -> bool:
    return _subclass(target, (BaseMessage,)) or (target is MISSING and name in _SPEAKERS)
