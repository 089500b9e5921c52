"""Which texts in functions reach a model, read from their source.

Every function is read once into edges: the text at one place comes from another place.
Places are variables, literals, attributes by name, and what functions return. Sinks are where a
model takes text in: messages, templates, model calls, arguments that are called prompts. What is
reachable from a sink along the edges flows.

The reading is flow-insensitive and takes an attribute for the same wherever its name is the same:
it may believe a text flows that does not, it seldom misses one.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import CodeType, FunctionType, ModuleType
from typing import Any, Literal

from langchain_core.documents import BaseDocumentCompressor
from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langchain_core.prompts import BasePromptTemplate
from langchain_core.prompts.message import BaseMessagePromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool

from langgraph_gepa.agent import code, literals, templates
from langgraph_gepa.agent.code import Position
from langgraph_gepa.search.module import Style

Place = tuple[Any, ...]
"""`("var", code, name)`, `("lit", code, position)`, `("ret", code)`, `("call", code, position)`, with `code` by
identity; `("attr", name)` and `("key", name)`: any attribute and any item of that name, so that what one
node puts into the state is followed to the node that reads it."""

Way = Literal["same", "made", "in"]
"""How text comes from a place: it is the same text, it is made from it (filled, joined), it is put in somewhere."""

Use = Literal["prompt", "inserted", "tool", "tools", "percent"] | Style
"""`inserted` is text put into a prompt's placeholder; `tools` are objects that describe themselves."""

PROMPT_NAME = re.compile(
    r"(?:^|_)(?:prompts?|instructions?|sys(?:tem)?_(?:message|msg|text)|state_modifier)(?:_|$)", re.IGNORECASE
)

_CALLS = {"invoke", "ainvoke", "stream", "astream", "batch", "abatch", "predict", "generate", "agenerate",
          "astream_events", "generate_content", "complete", "acomplete"}  # fmt: skip
_ROLES = {"system", "human", "user", "developer"}
_SPEAKING = _ROLES | {"ai", "assistant", "placeholder", "tool"}
_SPEAKERS = {"SystemMessage", "HumanMessage", "ChatMessage", "RemoveMessage", "AIMessage", "ToolMessage"}
_HEARD = {"SystemMessage", "HumanMessage", "ChatMessage"}
_SAME = {"strip", "lstrip", "rstrip", "lower", "upper", "removeprefix", "removesuffix", "expandtabs", "title"}
_WRAPPERS = {"str", "list", "tuple", "dict", "set", "sorted", "reversed", "cast", "dedent", "cleandoc", "copy",
             "deepcopy", "next", "iter", "enumerate", "zip", "fill", "choice"}  # fmt: skip
_WORDS = 4
_MISSING = object()
DECLARES = "langgraph_gepa.agent.declared"
"""Where the function lives that gives back the text of a declared prompt."""


@dataclass(slots=True)
class Reading:
    """What was read in one function."""

    function: FunctionType
    node: code.Function
    texts: dict[Position, literals.Literal] = field(default_factory=dict)
    hints: dict[Position, str] = field(default_factory=dict)
    loose: set[Position] = field(default_factory=set)


class Flow:
    """The edges of every function added so far, and what is reachable over them."""

    def __init__(self) -> None:
        self.readings: dict[int, Reading] = {}
        self.edges: dict[Place, list[tuple[Place, Way]]] = defaultdict(list)
        self.sinks: list[tuple[Place, Use]] = []
        self._methods: dict[str, list[CodeType]] = defaultdict(list)
        self._method_calls: list[tuple[_Reader, ast.Call, str, Place]] = []

    def add(self, function: FunctionType) -> None:
        """Reads a function, unless it has been read or has no source."""
        if id(function.__code__) in self.readings:
            return
        found = code.source(function.__code__)
        if found is None:
            return
        reading = Reading(function, found.node)
        self.readings[id(function.__code__)] = reading
        if found.owner is not None:
            self._methods[function.__name__].append(function.__code__)
        _Reader(self, reading).read()

    def returns(self, function: FunctionType) -> None:
        """Says that a model is given what `function` returns."""
        self.sinks.append((("ret", id(function.__code__)), "prompt"))

    def solve(self) -> Solution:
        for reader, call, name, result in self._method_calls:
            for target in self._methods.get(name, ()):
                reader.called(target, call, result, skip=1)
        self._method_calls.clear()
        reached: dict[Place, set[Use]] = defaultdict(set)
        todo = list(self.sinks)
        while todo:
            place, use = todo.pop()
            if use in reached[place]:
                continue
            reached[place].add(use)
            for source, way in self.edges.get(place, ()):
                if use in ("prompt", "tool") and way == "in":
                    todo.append((source, "inserted"))
                elif way == "same" or use in ("prompt", "inserted", "tool", "tools"):
                    todo.append((source, use))
        return Solution({place: frozenset(uses) for place, uses in reached.items()})

    def defer(self, reader: _Reader, call: ast.Call, name: str, result: Place) -> None:
        self._method_calls.append((reader, call, name, result))


@dataclass(frozen=True, slots=True)
class Solution:
    """How each place is used. A place that is not here reaches no model that we can see."""

    uses: dict[Place, frozenset[Use]]

    def of(self, place: Place) -> frozenset[Use]:
        return self.uses.get(place, frozenset())


def style_of(uses: Iterable[object]) -> Style:
    """The style of a text by its uses: a template's where it is one, else plain."""
    found = set(uses)
    styles: tuple[Style, ...] = ("jinja2", "mustache", "format")
    for style in styles:
        if style in found:
            return style
    return "plain"


class _Reader(ast.NodeVisitor):
    """Reads one function: adds its edges and sinks to the flow."""

    def __init__(self, flow: Flow, reading: Reading) -> None:
        self.flow = flow
        self.reading = reading
        self.key = id(reading.function.__code__)
        self.scope = [reading.node]

    def read(self) -> None:
        node = self.reading.node
        if isinstance(node, ast.Lambda):
            self._flows(("ret", self.key), node.body)
            self.visit(node.body)
        else:
            for statement in node.body:
                self.visit(statement)
            if PROMPT_NAME.search(node.name):
                self.flow.sinks.append((("ret", self.key), "prompt"))

    # where text comes from

    def sources(self, node: ast.expr | None) -> Iterator[tuple[Place, Way]]:
        """The places whose text is part of the expression's, and in what way."""
        match node:
            case ast.Constant() | ast.JoinedStr():
                yield from self._text(node)
            case ast.BinOp(op=ast.Add()):
                yield from self._text(node)
            case ast.BinOp(left=left, op=ast.Mod(), right=right):
                self._sink(left, "percent")
                yield from self._made(left)
                yield from self._inserted(right)
            case ast.Name(id=name):
                yield self._var(name), "same"
            case ast.Attribute(attr=name, value=base):
                yield ("attr", name), "same"
                yield from self._made(base) if name in ("content", "template", "value", "text") else ()
            case ast.Subscript(value=base, slice=key):
                yield from self.sources(base)
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield ("key", key.value), _carried(key.value)
            case ast.Tuple(elts=[ast.Constant(value=str(role)), text]) if role in _SPEAKING:
                yield from self.sources(text)
            case ast.Dict() if "content" in _items(node):
                yield from self.sources(_items(node)["content"])
            case ast.IfExp(body=one, orelse=other):
                yield from self.sources(one)
                yield from self.sources(other)
            case ast.BoolOp(values=several) | ast.List(elts=several) | ast.Tuple(elts=several) | ast.Set(elts=several):
                for value in several:
                    yield from self.sources(value)
            case ast.Dict(values=several):
                for value in several:
                    yield from self.sources(value)
            case ast.ListComp(elt=one) | ast.GeneratorExp(elt=one) | ast.SetComp(elt=one) | ast.DictComp(value=one):
                yield from self.sources(one)
            case ast.Lambda(body=one) | ast.Await(value=one) | ast.Starred(value=one) | ast.NamedExpr(value=one):
                yield from self.sources(one)
            case ast.Call():
                yield from self._call(node)

    def _text(self, node: ast.expr) -> Iterator[tuple[Place, Way]]:
        literal = literals.read(node)
        if literal is not None:
            self.reading.texts.setdefault(literal.position, literal)
            yield ("lit", self.key, literal.position), "same"
        if isinstance(node, ast.JoinedStr):
            for value in node.values:
                if isinstance(value, ast.FormattedValue):
                    yield from self._inserted(value.value)
        elif isinstance(node, ast.BinOp):
            for piece in literals.chain(node):
                if isinstance(piece, ast.JoinedStr):
                    for value in piece.values:
                        if isinstance(value, ast.FormattedValue):
                            yield from self._inserted(value.value)
                elif literal is None:
                    yield from self._made(piece)
                elif not isinstance(piece, ast.Constant):
                    yield from self._inserted(piece)

    def _made(self, *nodes: ast.expr | None) -> Iterator[tuple[Place, Way]]:
        for node in nodes:
            for place, way in self.sources(node):
                yield place, "in" if way == "in" else "made"

    def _inserted(self, *nodes: ast.expr | None) -> Iterator[tuple[Place, Way]]:
        for node in nodes:
            for place, _ in self.sources(node):
                yield place, "in"

    def _call(self, node: ast.Call) -> Iterator[tuple[Place, Way]]:
        arguments = [*node.args, *(k.value for k in node.keywords)]
        name = _last(node.func)
        if isinstance(node.func, ast.Attribute):
            receiver = node.func.value
            if name in _SAME:
                yield from self.sources(receiver)
                return
            if name in ("format", "format_map", "partial", "substitute", "safe_substitute", "render"):
                if name in ("format", "format_map"):
                    self._sink(receiver, "format")
                yield from self._made(receiver)
                yield from self._inserted(*arguments)
                return
            if name in ("join", "replace", "get", "pop", "setdefault", "items", "values", "copy", "format_messages"):
                key = node.args[0] if name in ("get", "pop", "setdefault") and node.args else None
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield ("key", key.value), _carried(key.value)
                yield from self.sources(receiver) if key is not None else self._made(receiver)
                yield from (
                    self._inserted(*arguments) if name == "replace" else self._made(*arguments[key is not None :])
                )
                return
        if name in _WRAPPERS:
            for argument in arguments:
                yield from self.sources(argument)
            return
        target = self.resolve(node.func)
        if getattr(target, "__module__", None) == DECLARES:
            yield ("call", self.key, code.position(node)), "same"
        elif isinstance(target, FunctionType):
            place: Place = ("call", self.key, code.position(node))
            self.called(target.__code__, node, place)
            yield place, "made"
        elif isinstance(node.func, ast.Attribute) and target is _MISSING:
            place = ("call", self.key, code.position(node))
            self.flow.defer(self, node, name, place)
            yield place, "made"
        elif isinstance(node.func, ast.Name) and self._inner(name) is not None:
            yield self._var(f"{name}()"), "made"

    def called(self, target: CodeType, node: ast.Call, result: Place, skip: int = 0) -> None:
        """A call of a function we may read too: what it returns, and what its parameters are given."""
        self.flow.edges[result].append((("ret", id(target)), "same"))
        parameters = target.co_varnames[skip : target.co_argcount + target.co_kwonlyargcount]
        for parameter, argument in zip(parameters, node.args, strict=False):
            self.flow.edges["var", id(target), parameter].extend(self.sources(argument))
        for keyword in node.keywords:
            if keyword.arg is not None:
                self.flow.edges["var", id(target), keyword.arg].extend(self.sources(keyword.value))

    def _inner(self, name: str) -> code.Function | None:
        for inner in ast.walk(self.reading.node):
            if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and inner.name == name:
                return inner
        return None

    def _var(self, name: str) -> Place:
        return ("var", self.key, name)

    # where text goes

    def _flows(self, place: Place, node: ast.expr | None) -> None:
        self.flow.edges[place].extend(self.sources(node))

    def _sink(self, node: ast.expr | None, use: Use = "prompt") -> None:
        for place, way in self.sources(node):
            if way == "same" or use in ("prompt", "tool", "tools"):
                self.flow.sinks.append((place, "inserted" if way == "in" and use == "prompt" else use))

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        match target:
            case ast.Name(id=name):
                self._flows(self._var(name), value)
                self._hint(value, name)
            case ast.Attribute(attr=name):
                self._flows(("attr", name), value)
                self._hint(value, name)
            case ast.Subscript(value=base, slice=key):
                self._assign(base, value)
                if isinstance(key, ast.Constant) and isinstance(key.value, str) and PROMPT_NAME.search(key.value):
                    self._sink(value)
            case ast.Tuple(elts=several) | ast.List(elts=several):
                values = value.elts if isinstance(value, ast.Tuple | ast.List) else [value] * len(several)
                for one, other in zip(several, values, strict=False):
                    self._assign(one, other)
            case ast.Starred(value=one):
                self._assign(one, value)

    def _hint(self, value: ast.expr, name: str) -> None:
        for place, _ in self.sources(value):
            if place[0] == "lit" and place[1] == self.key:
                self.reading.hints.setdefault(place[2], name)
                if templates.words(self.reading.texts[place[2]].text) >= _WORDS:
                    self.reading.loose.add(place[2])

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._assign(target, node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._assign(node.target, node.value)
            self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._assign(node.target, node.value)
        self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self._assign(node.target, node.value)
        self.generic_visit(node)

    def visit_For(self, node: ast.For) -> None:
        self._assign(node.target, node.iter)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self._assign(node.target, node.iter)
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """A function inside the function shares its variables here; its docstring is no text."""
        self.scope.append(node)
        for statement in node.body:
            self.visit(statement)
        self.scope.pop()

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815  # the name ast.NodeVisitor looks for

    def visit_Return(self, node: ast.Return) -> None:
        inner = self.scope[-1]
        if inner is self.reading.node:
            self._flows(("ret", self.key), node.value)
        elif isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
            self._flows(self._var(f"{inner.name}()"), node.value)
        if node.value is not None:
            self._hint_loose(node.value)
            self.visit(node.value)

    def _hint_loose(self, value: ast.expr) -> None:
        for place, _ in self.sources(value):
            if place[0] == "lit" and templates.words(self.reading.texts[place[2]].text) >= _WORDS:
                self.reading.loose.add(place[2])

    def visit_Raise(self, node: ast.Raise) -> None:
        """What is raised is told to people."""

    def visit_Assert(self, node: ast.Assert) -> None:
        """What is asserted is told to people."""

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.visit(node.value)

    def visit_Tuple(self, node: ast.Tuple) -> None:
        match node.elts:
            case [ast.Constant(value=str(role)), text] if role in _ROLES:
                self._sink(text)
        self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        pairs = _items(node)
        if {"name", "description"} <= pairs.keys() and not {"parameters", "input_schema"}.isdisjoint(pairs):
            self._sink(pairs["description"], "tool")
        role = pairs.get("role")
        if "content" in pairs and (not isinstance(role, ast.Constant) or role.value in _ROLES) and role is not None:
            self._sink(pairs["content"])
        for key, value in pairs.items():
            self._flows(("key", key), value)
            if PROMPT_NAME.search(key):
                self._sink(value)
        for value in node.values:
            self.visit(value)

    def visit_Call(self, node: ast.Call) -> None:
        name = _last(node.func)
        target = self.resolve(node.func)
        self._call_sinks(node, name, target)
        for keyword in node.keywords:
            if keyword.arg is not None and PROMPT_NAME.search(keyword.arg):
                self._sink(keyword.value)
                self._hint(keyword.value, keyword.arg)
        if name in ("append", "extend", "insert", "add") and isinstance(node.func, ast.Attribute) and node.args:
            self._assign(node.func.value, node.args[-1])
        if isinstance(target, FunctionType) or (target is _MISSING and isinstance(node.func, ast.Attribute)):
            for _ in self._call(node):  # its arguments may flow inside it, though its result goes nowhere
                pass
        elif isinstance(node.func, ast.Name) and (inner := self._inner(name)) is not None:
            for parameter, argument in zip(inner.args.args, node.args, strict=False):
                self._flows(self._var(parameter.arg), argument)
        self.generic_visit(node)

    def _call_sinks(self, node: ast.Call, name: str, target: Any) -> None:
        first = node.args[0] if node.args else None
        given = {k.arg: k.value for k in node.keywords if k.arg}
        if _is_message(name, target):
            if name in _HEARD or _subclass(target, (SystemMessage, HumanMessage)):
                self._sink(given.get("content", first))
        elif (template := self._template(node, name)) is not None:
            for argument in [
                *node.args,
                *(given[k] for k in ("template", "messages", "prefix", "suffix") if k in given),
            ]:
                self._template_text(argument, template)
        elif name in _CALLS and isinstance(node.func, ast.Attribute):
            if not isinstance(target, BaseTool | BaseRetriever | BaseDocumentCompressor):
                self._input(given.get("input", given.get("messages", first)))
        elif name in ("bind_tools", "ToolNode", "create_agent", "create_react_agent", "create_deep_agent"):
            tools = given.get("tools", node.args[-1] if node.args else None)
            self._sink(tools, "tools")
        if name in ("tool", "from_function", "Tool", "StructuredTool", "create_handoff_tool"):
            self._sink(given.get("description"), "tool")

    def _input(self, node: ast.expr | None) -> None:
        """What a runnable is called with; in a mapping a few words are the input's data, not a prompt."""
        for value in node.values if isinstance(node, ast.Dict) else [node]:
            short = (
                isinstance(node, ast.Dict)
                and isinstance(value, ast.Constant)
                and templates.words(str(value.value)) < _WORDS
            )
            if not short:
                self._sink(value)

    def _template(self, node: ast.Call, name: str) -> Style | None:
        maker = node.func.value if isinstance(node.func, ast.Attribute) and name.startswith("from_") else node.func
        made = self.resolve(maker)
        if not (
            _subclass(made, (BasePromptTemplate, BaseMessagePromptTemplate)) or _last(maker).endswith("PromptTemplate")
        ):
            return None
        for keyword in node.keywords:
            if keyword.arg == "template_format" and isinstance(keyword.value, ast.Constant):
                given = style_of([keyword.value.value])
                return "format" if given == "plain" else given
        return "format"

    def _template_text(self, node: ast.expr, style: Style) -> None:
        """Text given to a template: strings are templates, and so is the second of a (role, text) pair."""
        match node:
            case ast.List(elts=several):
                for one in several:
                    self._template_text(one, style)
            case ast.Tuple(elts=[ast.Constant(), text]):
                self._template_text(text, style)
            case ast.Call() if _is_message(_last(node.func), self.resolve(node.func)):
                pass
            case _:
                self._sink(node)
                self._sink(node, style)

    def resolve(self, node: ast.expr) -> Any:
        """The object an expression names, when it can be told without running anything."""
        match node:
            case ast.Name(id=name):
                return self._outside(name)
            case ast.Attribute(value=base, attr=attr):
                found = self.resolve(base)
                if isinstance(found, ModuleType):
                    return vars(found).get(attr, _MISSING)
                if isinstance(found, type):
                    for owner in found.__mro__:
                        if attr in vars(owner):
                            value = vars(owner)[attr]
                            return getattr(value, "__func__", value)
        return _MISSING

    def _outside(self, name: str) -> Any:
        function = self.reading.function
        if name in function.__code__.co_freevars:
            cell = (function.__closure__ or ())[function.__code__.co_freevars.index(name)]
            try:
                return cell.cell_contents
            except ValueError:
                return _MISSING
        if name in function.__code__.co_varnames or name in function.__code__.co_cellvars:
            return _MISSING
        return function.__globals__.get(name, _MISSING)


def _carried(key: str) -> Way:
    """What comes out of the state is data put into a prompt, unless its key says it is one."""
    return "made" if PROMPT_NAME.search(key) else "in"


def _items(node: ast.Dict) -> dict[str, ast.expr]:
    pairs = zip(node.keys, node.values, strict=True)
    return {k.value: v for k, v in pairs if isinstance(k, ast.Constant) and isinstance(k.value, str)}


def _last(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _subclass(target: Any, bases: tuple[type, ...]) -> bool:
    return isinstance(target, type) and issubclass(target, bases)


def _is_message(name: str, target: Any) -> bool:
    return _subclass(target, (BaseMessage,)) or (target is _MISSING and name in _SPEAKERS)
