"""The calls that give a text to a model: messages, templates, models, agents and tools; and calls that only look so."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from types import FunctionType

from langchain_core.documents import BaseDocumentCompressor
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.prompts import BasePromptTemplate
from langchain_core.prompts.message import BaseMessagePromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool
from langchain_core.vectorstores import VectorStore
from langgraph.pregel.remote import RemoteGraph

from langgraph_gepa.adapter.dataflow.expressions import Expressions
from langgraph_gepa.adapter.dataflow.syntax_nodes import chain, keywords, last
from langgraph_gepa.adapter.dataflow.template_engines import MISSING, is_subclass
from langgraph_gepa.adapter.dataflow.uses import PROMPT_NAME, Use, style_of
from langgraph_gepa.adapter.objects import ownership
from langgraph_gepa.core.module import Style

WORDS = 4
"""From this many words, a text is more than a name or a value."""

CALLS = {"invoke", "ainvoke", "stream", "astream", "batch", "abatch", "predict", "generate", "agenerate",
          "astream_events", "generate_content", "complete", "acomplete"}  # fmt: skip
_MESSAGES = {"SystemMessage", "HumanMessage", "ChatMessage", "RemoveMessage", "AIMessage", "ToolMessage"}
_PROMPTS = {"SystemMessage", "HumanMessage", "ChatMessage"}
_TOOL_TAKERS = {"bind_tools", "with_structured_output", "ToolNode", "ToolStrategy", "ProviderStrategy", "create_agent",
           "create_react_agent", "create_deep_agent", "create_extractor"}  # fmt: skip
_DESCRIBING = {"model_json_schema", "schema_json", "schema"}
"""Methods by which a pydantic model describes itself."""
_MESSAGE_KEYS = ("messages", "input")
"""Keys of a model's or agent's input that hold messages, rather than values for a template."""
_DESCRIBED = ("tools", "schema", "response_format", "args_schema", "pydantic_object")
"""Arguments whose descriptions a model is given."""
_TOOL_MAKERS = {"tool", "from_function", "Tool", "StructuredTool", "create_handoff_tool"}
_TEXTS = ("template", "messages", "prefix", "suffix")
FILLING = {"partial", "format_prompt", "aformat_prompt", "format_messages", "aformat_messages"}
"""Methods of LangChain's templates that take the values of placeholders as keyword arguments."""
_CHATS = re.compile(r"\b(?:chat|completions?|responses|messages)\.\w+$|\ba?completion$|\bgenerate_content\w*$")
"""Calls of providers' own clients that request a language model: `client.chat.completions.create`."""
_SYSTEM = re.compile(r"(?:^|_)(?:sys(?:tem)?|instructions)(?:_|$)", re.IGNORECASE)
"""Names of arguments that only language models have; image models have a prompt as well."""
_ELSEWHERE = re.compile(r"\b(?:images?|audio|speech|videos?|embeddings|moderations|runs|threads)\.\w+(?:\.\w+)*$")
"""Resources of providers' clients and of LangGraph's client that are no language model of this graph."""
_EMBEDS = {"embed_query", "embed_documents", "aembed_query", "aembed_documents", "similarity_search"}
_OTHER_RUNNABLES = (BaseTool, BaseRetriever, BaseDocumentCompressor, Embeddings, VectorStore, RemoteGraph)

Sink = tuple[ast.expr, Use]


def of_call(node: ast.Call, expressions: Expressions) -> Iterator[Sink]:
    """The arguments of a call that a model is given, with their uses."""
    name, target = last(node.func), expressions.resolve(node.func)
    first = node.args[0] if node.args else None
    given = keywords(node)
    if is_message(node, expressions):
        if name in _PROMPTS or is_subclass(target, SystemMessage, HumanMessage):
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
    elif name in _TOOL_TAKERS and node.args:
        yield node.args[-1], "tools"
    elif name in _DESCRIBING and isinstance(node.func, ast.Attribute):
        yield node.func.value, "tools"
        yield ast.Attribute(node.func.value, "__class__"), "tools"
    yield from expressions.filled(node)
    yield from ((given[k], "tools") for k in _DESCRIBED if k in given)
    if name in _TOOL_MAKERS and "description" in given:
        yield given["description"], "tool"


def calls_model(node: ast.Call, expressions: Expressions) -> bool:
    """Whether a call may run a model, a chain or an agent."""
    if last(node.func) not in CALLS or not isinstance(node.func, ast.Attribute) or is_elsewhere(node, expressions):
        return False
    return not issubclass(type(expressions.resolve(node.func.value)), _OTHER_RUNNABLES)


def is_elsewhere(node: ast.Call, expressions: Expressions) -> bool:
    """Whether a call goes to another service than a language model of the graph: images, embeddings, deployments."""
    if not isinstance(node.func, ast.Attribute):
        return False
    receiver = type(expressions.resolve(node.func.value))
    if issubclass(receiver, Embeddings | VectorStore | RemoteGraph) or node.func.attr in _EMBEDS:
        return True
    return _ELSEWHERE.search(chain(node.func)) is not None


def named(node: ast.Call, keyword: str, expressions: Expressions) -> Use | None:
    """The use of an argument whose keyword is named like a prompt, of a call whose code is not read.

    Calls of a framework and of a chat client reach a language model; others may request an image or a web page.
    """
    if not PROMPT_NAME.search(keyword) or is_elsewhere(node, expressions):
        return None
    target = expressions.resolve(node.func)
    made = target if issubclass(type(target), type | FunctionType) else type(target)
    if ownership.framework(made.__module__) or last(node.func) in _TOOL_TAKERS:
        return "prompt"
    return "prompt" if _SYSTEM.search(keyword) or _CHATS.search(chain(node.func)) else "hinted"


def answer(node: ast.Call, expressions: Expressions) -> ast.expr | None:
    """The text of a message that the program writes on behalf of a tool or a model, which is most often a result."""
    name, target = last(node.func), expressions.resolve(node.func)
    if not (is_subclass(target, ToolMessage, AIMessage) or (target is MISSING and name in _MESSAGES - _PROMPTS)):
        return None
    return keywords(node).get("content", node.args[0] if node.args else None)


def is_message(node: ast.Call, expressions: Expressions) -> bool:
    """Whether a call makes a message."""
    target = expressions.resolve(node.func)
    return is_subclass(target, BaseMessage) or (target is MISSING and last(node.func) in _MESSAGES)


def _prompt(node: ast.expr | None) -> Iterator[Sink]:
    if node is not None:
        yield node, "prompt"


def _input(node: ast.expr | None) -> Iterator[Sink]:
    """The input of a runnable; in a mapping, messages are prompts and the rest fills placeholders."""
    if not isinstance(node, ast.Dict):
        yield from _prompt(node)
        return
    for key, value in zip(node.keys, node.values, strict=True):
        message = key is None or (isinstance(key, ast.Constant) and key.value in _MESSAGE_KEYS)
        yield value, "prompt" if message else "inserted"


def _template(node: ast.Call, name: str, expressions: Expressions) -> Style | None:
    """The language of the template that a call makes; `None` if it makes none."""
    maker = node.func.value if isinstance(node.func, ast.Attribute) and name.startswith("from_") else node.func
    made = expressions.resolve(maker)
    known = is_subclass(made, BasePromptTemplate, BaseMessagePromptTemplate)
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
    """The texts given to a template: strings, and the second items of (role, text) pairs."""
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
    """Whether an expression is a template of LangChain's, or an unknown object."""
    kind = expressions.kind(node)
    return kind is MISSING or isinstance(kind, BasePromptTemplate) or is_subclass(kind, BasePromptTemplate)
