"""Calls that give texts to a model: messages, templates, models and agents, tools; and those that only seem to."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from langchain_core.documents import BaseDocumentCompressor
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.prompts import BasePromptTemplate
from langchain_core.prompts.message import BaseMessagePromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool
from langchain_core.vectorstores import VectorStore
from langgraph.pregel.remote import RemoteGraph

from langgraph_gepa.adapter.dataflow.expressions import Expressions, last
from langgraph_gepa.adapter.dataflow.template_engines import MISSING
from langgraph_gepa.adapter.dataflow.uses import PROMPT_NAME, Use, style_of
from langgraph_gepa.adapter.objects import ownership
from langgraph_gepa.core.module import Style

WORDS = 4
"""From this many words on a text is more than a name or a value."""

CALLS = {"invoke", "ainvoke", "stream", "astream", "batch", "abatch", "predict", "generate", "agenerate",
          "astream_events", "generate_content", "complete", "acomplete"}  # fmt: skip
_SPEAKERS = {"SystemMessage", "HumanMessage", "ChatMessage", "RemoveMessage", "AIMessage", "ToolMessage"}
_HEARD = {"SystemMessage", "HumanMessage", "ChatMessage"}
_TAKERS = {"bind_tools", "with_structured_output", "ToolNode", "ToolStrategy", "ProviderStrategy", "create_agent",
           "create_react_agent", "create_deep_agent", "create_extractor"}  # fmt: skip
_DESCRIBING = {"model_json_schema", "schema_json", "schema"}
"""Methods by which a class of pydantic's, or an instance of it, describes itself."""
_TOLD = ("messages", "input")
"""Keys of a mapping under which a model or an agent is told something, rather than a template filled."""
_DESCRIBED = ("tools", "schema", "response_format", "args_schema", "pydantic_object")
"""Arguments that are described to a model."""
_TOOL_MAKERS = {"tool", "from_function", "Tool", "StructuredTool", "create_handoff_tool"}
_TEXTS = ("template", "messages", "prefix", "suffix")
FILLING = {"partial", "format_prompt", "aformat_prompt", "format_messages", "aformat_messages"}
"""Methods by which a template of LangChain's takes what stands in its placeholders, as keyword arguments."""
_CHATS = re.compile(r"\b(?:chat|completions?|responses|messages)\.\w+$|\ba?completion$|\bgenerate_content\w*$")
"""The calls of providers' own clients that ask a language model: `client.chat.completions.create`."""
_SYSTEM = re.compile(r"(?:^|_)(?:sys(?:tem)?|instructions)(?:_|$)", re.IGNORECASE)
"""What only language models have: an image is painted from a prompt as well."""
_ELSEWHERE = re.compile(r"\b(?:images?|audio|speech|videos?|embeddings|moderations|runs|threads)\.\w+(?:\.\w+)*$")
"""Resources of providers' clients, and of LangGraph's for deployments, that are no language model of this graph."""
_EMBEDS = {"embed_query", "embed_documents", "aembed_query", "aembed_documents", "similarity_search"}
_OTHERS = (BaseTool, BaseRetriever, BaseDocumentCompressor, Embeddings, VectorStore, RemoteGraph)

Sink = tuple[ast.expr, Use]


def of_call(node: ast.Call, expressions: Expressions) -> Iterator[Sink]:
    """The arguments of a call that a model is given, and how."""
    name, target = last(node.func), expressions.resolve(node.func)
    first = node.args[0] if node.args else None
    given = {k.arg: k.value for k in node.keywords if k.arg}
    if is_message(node, expressions):
        if name in _HEARD or _subclass(target, (SystemMessage, HumanMessage)):
            yield from _prompt(given.get("content", given.get("content_blocks", first)))
    elif (template := _template(node, name, expressions)) is not None:
        for argument in [*node.args, *(given[k] for k in _TEXTS if k in given)]:
            yield from _template_text(argument, template, expressions)
        if "partial_variables" in given:
            yield given["partial_variables"], "inserted"
    elif name in FILLING and isinstance(node.func, ast.Attribute) and _may_be_template(node.func.value, expressions):
        yield from ((keyword.value, "inserted") for keyword in node.keywords)
    elif calls_model(node, expressions):
        yield from _input(given.get("input", given.get("messages", first)))
    elif name in _TAKERS and node.args:
        yield node.args[-1], "tools"
    elif name in _DESCRIBING and isinstance(node.func, ast.Attribute):
        yield node.func.value, "tools"
        yield ast.Attribute(node.func.value, "__class__"), "tools"
    yield from expressions.filled(node)
    yield from ((given[k], "tools") for k in _DESCRIBED if k in given)
    if name in _TOOL_MAKERS and "description" in given:
        yield given["description"], "tool"


def calls_model(node: ast.Call, expressions: Expressions) -> bool:
    """Whether a call may be one of a model, a chain or an agent."""
    if last(node.func) not in CALLS or not isinstance(node.func, ast.Attribute) or is_elsewhere(node, expressions):
        return False
    return not issubclass(type(expressions.resolve(node.func.value)), _OTHERS)


def is_elsewhere(node: ast.Call, expressions: Expressions) -> bool:
    """Whether a call asks another model or service than the graph's language models: for an image, a vector, a run of
    another deployment."""
    if not isinstance(node.func, ast.Attribute):
        return False
    receiver = type(expressions.resolve(node.func.value))
    if issubclass(receiver, Embeddings | VectorStore | RemoteGraph) or node.func.attr in _EMBEDS:
        return True
    return _ELSEWHERE.search(chain(node.func)) is not None


def named(node: ast.Call, keyword: str, expressions: Expressions) -> Use | None:
    """How an argument is used whose keyword says that it is a prompt, of a call that cannot be looked into: a
    framework's and a chat client's are models', others may be painters' and crawlers'."""
    if not PROMPT_NAME.search(keyword) or is_elsewhere(node, expressions):
        return None
    target = expressions.resolve(node.func)
    made = target if issubclass(type(target), type | FunctionType) else type(target)
    if ownership.framework(made.__module__) or last(node.func) in _TAKERS:
        return "prompt"
    return "prompt" if _SYSTEM.search(keyword) or _CHATS.search(chain(node.func)) else "hinted"


def answer(node: ast.Call, expressions: Expressions) -> ast.expr | None:
    """The text of a message that a program writes in the name of a tool or a model: most often a result."""
    name, target = last(node.func), expressions.resolve(node.func)
    if not (_subclass(target, (ToolMessage, AIMessage)) or (target is MISSING and name in _SPEAKERS - _HEARD)):
        return None
    given = {k.arg: k.value for k in node.keywords}
    return given.get("content", node.args[0] if node.args else None)


def is_message(node: ast.Call, expressions: Expressions) -> bool:
    target = expressions.resolve(node.func)
    return _subclass(target, (BaseMessage,)) or (target is MISSING and last(node.func) in _SPEAKERS)


def chain(node: ast.expr) -> str:
    """The names of a call as they are written, `client.images.generate`; what is no name on the way is left out."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=base, attr=attr):
            return f"{chain(base)}.{attr}"
        case ast.Call(func=func):
            return chain(func)
    return ""


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
        case ast.Call() if is_message(node, expressions):
            pass
        case _:
            yield node, "prompt"
            yield node, style


def _may_be_template(node: ast.expr, expressions: Expressions) -> bool:
    """Whether an expression is a template of LangChain's, or an object that is not known."""
    kind = expressions.kind(node)
    return kind is MISSING or isinstance(kind, BasePromptTemplate) or _subclass(kind, (BasePromptTemplate,))


def _subclass(target: Any, bases: tuple[type, ...]) -> bool:
    return issubclass(type(target), type) and issubclass(target, bases)
