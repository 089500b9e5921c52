"""Finds messages that are sent together: beside one that instructs, a message of labels and data is only a frame."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.prompts import FewShotPromptTemplate, PromptTemplate, SystemMessagePromptTemplate

from langgraph_gepa.adapter.dataflow import sinks
from langgraph_gepa.adapter.dataflow.expressions import Expressions
from langgraph_gepa.adapter.dataflow.syntax_nodes import chain, items, keywords, last
from langgraph_gepa.adapter.dataflow.wording import frames
from langgraph_gepa.adapter.objects.source_code import Position
from langgraph_gepa.adapter.objects.text_literals import read
from langgraph_gepa.adapter.objects.walk import Walk

_SYSTEM = frozenset({"system", "developer"})


def beside(elements: Sequence[ast.expr], expressions: Expressions) -> Iterator[Position]:
    """The literals of the messages in a list that stand beside a system message or one that instructs."""
    if any(isinstance(one, ast.Starred) for one in elements):
        yield from added(elements, expressions)
    messages = [_messages(one, expressions) for one in elements]
    leading = {index for index, (made, texts) in enumerate(messages) if _leads(made, texts, expressions)}
    for index, (_, texts) in enumerate(messages):
        if leading - {index}:
            yield from (literal.position for text in texts if (literal := read(text)) is not None)


def _messages(element: ast.expr, expressions: Expressions) -> tuple[list[ast.expr], list[ast.expr]]:
    """The messages that an element of a list may be, and the pieces of their texts, looked up through variables.

    A variable that holds a string may be a part of a text that is joined.
    """
    written = expressions.written_to(element)
    messages = [
        one for one in written if one is element or not isinstance(one, ast.Constant | ast.JoinedStr | ast.BinOp)
    ]
    texts = [text for one in messages if (text := message_text(one, expressions)) is not None]
    return messages, [piece for text in texts for piece in _pieces(text, expressions)]


def _pieces(text: ast.expr, expressions: Expressions) -> Iterator[ast.expr]:
    """The pieces that a text may be joined from, looked up through variables."""
    todo, met = [text], set[ast.expr]()
    while todo:
        one = todo.pop()
        written = [node for node in expressions.written_to(one) if node not in met]
        met.update(written)
        for node in written:
            match node:
                case ast.IfExp(body=first, orelse=other):
                    todo += [first, other]
                case ast.BoolOp(values=several) | ast.List(elts=several) | ast.Tuple(elts=several):
                    todo += several
                case ast.GeneratorExp(elt=piece) | ast.ListComp(elt=piece):
                    todo.append(piece)
                case ast.Call(func=ast.Attribute(value=ast.Constant(value=str()), attr="join"), args=[joined]):
                    todo.append(joined)
                case _:
                    yield node


def _leads(messages: Sequence[ast.expr], texts: Sequence[ast.expr], expressions: Expressions) -> bool:
    """Whether one of the messages is a system message, or instructs."""
    made = (isinstance(expressions.resolve(one), SystemMessage) for one in messages)
    return any(made) or (bool(texts) and any(map(_is_system, messages))) or any(map(_instructs, texts))


def is_beside_instructions(template: int, walk: Walk) -> bool:
    """Whether a template's message stands in a chat template beside a system message or one that instructs."""
    for message, _ in walk.holders.get(template, ()):
        for messages, _ in walk.holders.get(message, ()):
            several = walk.nodes[messages].value
            if type(several) is list and any(_template_instructs(one) for one in several if id(one) != message):
                return True
    return isinstance(walk.nodes[template].value, FewShotPromptTemplate)


def _template_instructs(message: object) -> bool:
    if isinstance(message, SystemMessage | SystemMessagePromptTemplate):
        return True
    inner = getattr(message, "prompt", None)
    if isinstance(inner, PromptTemplate):
        return not frames(inner.template, "format" if inner.template_format == "f-string" else inner.template_format)
    return isinstance(message, HumanMessage) and not frames(str(message.text))


def message_text(node: ast.expr, expressions: Expressions) -> ast.expr | None:
    """The text of the message that an expression makes; a text by itself counts as a message."""
    match node:
        case ast.Tuple(elts=[ast.Constant(value=str()), text]):
            return text
        case ast.Dict() if {"role", "content"} <= items(node).keys():
            return items(node)["content"]
        case ast.Call() if sinks.is_message(node, expressions) or last(node.func) == "from_template":
            return keywords(node).get("content", node.args[0] if node.args else None)
        case ast.Constant(value=str()) | ast.JoinedStr() | ast.BinOp(op=ast.Add()):
            return node
    return None


def _is_system(node: ast.expr) -> bool:
    match node:
        case ast.Tuple(elts=[ast.Constant(value=str(role)), _]):
            return role in _SYSTEM
        case ast.Dict():
            named = items(node).get("role")
            return isinstance(named, ast.Constant) and named.value in _SYSTEM
        case ast.Call():
            return "System" in chain(node.func)
    return False


def _instructs(text: ast.expr) -> bool:
    literal = read(text)
    return literal is not None and not frames(literal.text, literal.style)


def added(messages: Sequence[ast.expr], expressions: Expressions) -> Iterator[Position]:
    """The literals of messages that are added to others: to a variable, or to the input of an agent."""
    for message in messages:
        text = message_text(message, expressions)
        if text is not None and (literal := read(text)) is not None:
            yield literal.position
