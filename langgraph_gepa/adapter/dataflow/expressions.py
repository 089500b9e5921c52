"""The sources of an expression's text in the data-flow graph, as far as one function's code tells."""

from __future__ import annotations

import ast
from collections.abc import Hashable, Iterator, Sequence
from types import ModuleType

from langgraph_gepa.adapter.dataflow.flow import ANY, CLASS, Given, Reading, Source, Vertex, items_of
from langgraph_gepa.adapter.dataflow.names import Names
from langgraph_gepa.adapter.dataflow.syntax_nodes import formatted_values, items, last, parameters
from langgraph_gepa.adapter.dataflow.template_engines import MISSING
from langgraph_gepa.adapter.dataflow.uses import PROMPT_NAME, Choice, Way
from langgraph_gepa.adapter.dataflow.wording import frames
from langgraph_gepa.adapter.objects import containers, source_code, text_literals

FILLING_METHODS = {"format", "format_map", "partial", "substitute", "safe_substitute", "render", "render_async"}

_ROLES = {"system", "human", "user", "developer", "ai", "assistant", "placeholder", "tool"}
_TRIMMING = {"strip", "lstrip", "rstrip", "lower", "upper", "removeprefix", "removesuffix", "expandtabs", "title",
             "copy"}  # fmt: skip
_WRAPPERS = {"str", "list", "tuple", "dict", "set", "sorted", "reversed", "cast", "dedent", "cleandoc", "copy",
             "deepcopy", "iter", "enumerate", "zip", "fill"}  # fmt: skip
_SERIALIZERS = {"str", "repr", "dumps", "pformat"}
"""Functions that turn data into text."""
_PICKERS = {"next", "choice", "sample", "choices"}
"""Functions that pick one item of many."""
TEMPLATES = {"Template", "from_string"}
"""Calls that make a template object."""
_TEXT_ATTRIBUTES = {"content", "template", "value", "text"}
"""Attributes that hold the text of an object."""


class Expressions(Names):
    """The expressions of one function. Records the literals it meets in the function's reading."""

    def __init__(self, reading: Reading) -> None:
        super().__init__(reading)
        self.key = id(reading.function.__code__)
        self.parameters = parameters(reading.function.__code__)
        self.given = {*self.parameters} - {"self", "cls"}
        self.raised = {n.name for n in self.nodes if isinstance(n, ast.ExceptHandler) and n.name}

    def key_of(self, node: ast.expr) -> Hashable:
        """The key that an expression evaluates to; `ANY` if it is computed."""
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name) if name in (*self.parameters, *self.reading.function.__code__.co_freevars):
                return Given(self.key, name)
        return constant(self.resolve(node))

    def variable(self, name: str) -> Vertex:
        """A variable of the function."""
        return ("var", self.key, name)

    def call(self, node: ast.Call) -> Vertex:
        """The result of a call of a function that may be read as well."""
        return ("call", self.key, source_code.position(node))

    def sources(self, node: ast.expr | None) -> Iterator[Source]:
        """The sources whose text is part of the expression's text."""
        match node:
            case ast.Name(id=name):
                yield Source(self.variable(name))
            case ast.Constant() | ast.JoinedStr() | ast.BinOp(op=ast.Add()):
                yield from self._text(node)
            case ast.BinOp(left=left, op=ast.Mod(), right=right):
                yield from self._made(left, way="filled")
                yield from self._made(right, way="in")
            case ast.Attribute():
                yield from self._attribute(node)
            case ast.Subscript(value=base, slice=ast.Slice()):
                yield from self.sources(base)
            case ast.Subscript(value=base, slice=key):
                yield from self._item(base, key)
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                yield from self._one_of([left, right])
            case ast.IfExp(body=one, orelse=other):
                yield from self._one_of([one, other])
            case ast.BoolOp(values=several):
                yield from self._one_of(several)
            case ast.Lambda(body=one) | ast.Await(value=one) | ast.Starred(value=one) | ast.NamedExpr(value=one):
                yield from self.sources(one)
            case ast.Call():
                yield from self._call(node)
            case _:
                yield from self._container(node)

    def _container(self, node: ast.expr | None) -> Iterator[Source]:
        """The sources of a container's items, each under its key; of a message, those of its text."""
        match node:
            case ast.Tuple(elts=[ast.Constant(value=str(role)), text]) if role in _ROLES:
                yield from self.sources(text)
            case ast.Dict() if "content" in items(node):
                yield from self.sources(items(node)["content"])
            case ast.Dict(keys=keys, values=values):
                for at, value in zip(keys, values, strict=True):
                    yield from self.sources(value) if at is None else self._put(value, self.key_of(at))
            case ast.List(elts=several) | ast.Tuple(elts=several) | ast.Set(elts=several):
                for value in several:
                    yield from self.sources(value) if isinstance(value, ast.Starred) else self._put(value, ANY)
            case ast.ListComp(elt=one) | ast.GeneratorExp(elt=one) | ast.SetComp(elt=one) | ast.DictComp(value=one):
                yield from self._put(one, ANY)

    def elements(self, node: ast.expr, choice: Choice = "always") -> Iterator[Source]:
        """The sources of the elements of an expression that is iterated over."""
        yield from items_of(self.sources(node), ANY, choice)

    def computed(self, node: ast.expr | None) -> bool:
        """Whether an expression may hold what no source writes out: an input, or something computed."""
        match node:
            case None | ast.Constant() | ast.List() | ast.Tuple() | ast.Set() | ast.Dict() | ast.Lambda():
                return False
            case ast.Subscript(value=ast.Name(id=name)) if name in self.given:
                return True
            case ast.Await(value=inner):
                return self.computed(inner)
        return not any(True for _ in self.sources(node))

    def written(self, node: ast.expr) -> bool:
        """Whether an expression is a text that the source writes out, whatever fills its placeholders."""
        match node:
            case ast.Constant():
                return True
            case ast.JoinedStr() | ast.BinOp(op=ast.Add()):
                return text_literals.read(node) is not None
            case ast.Name() | ast.Attribute():
                return type(self.resolve(node)) is str
            case ast.IfExp(body=one, orelse=other):
                return self.written(one) and self.written(other)
            case ast.Call(func=ast.Attribute(value=inner, attr=name)) if name in FILLING_METHODS | _TRIMMING:
                return self.written(inner)
        return False

    def _text(self, node: ast.expr) -> Iterator[Source]:
        """The sources of a literal: itself, and what its placeholders are filled with."""
        literal = text_literals.read(node)
        if literal is None:
            yield from self._concatenation(node)
            return
        self._record(literal)
        yield Source(("lit", self.key, literal.position))
        way: Way = "near" if frames(literal.text, literal.style) else "in"
        for piece in text_literals.operands(node):
            inserted = formatted_values(piece) if isinstance(piece, ast.JoinedStr) else [piece]
            if not isinstance(piece, ast.Constant):
                for source in self._made(*inserted, way=way if isinstance(piece, ast.JoinedStr) else "near"):
                    self.reading.filling[literal.position].append(source)
                    yield source

    def _concatenation(self, node: ast.expr) -> Iterator[Source]:
        """The sources of an f-string or a sum that has no words of its own."""
        if isinstance(node, ast.JoinedStr):
            yield from self._made(*formatted_values(node), way="near")
        elif isinstance(node, ast.BinOp):
            for piece in text_literals.operands(node):
                if isinstance(piece, ast.JoinedStr):
                    yield from self._made(*formatted_values(piece), way="in")
                else:
                    yield from (one.joined("made")._replace(into=one.into) for one in self.sources(piece))

    def _record(self, literal: text_literals.Literal) -> None:
        self.reading.texts.setdefault(literal.position, literal)
        filled = (node for value in literal.values.values() for node in source_code.walk(value))
        if self.raised and any(isinstance(node, ast.Name) and node.id in self.raised for node in filled):
            self.reading.outputs.add(literal.position)

    def _attribute(self, node: ast.Attribute) -> Iterator[Source]:
        """An imported module's attribute is known exactly, others by name. A parameter may be the state."""
        if node.attr == "__class__":
            yield from self._class_of(node.value)
            return
        if (path := self.dotted(node)) and issubclass(type(self.resolve(node.value)), ModuleType):
            yield Source(self.variable(path))
        else:
            yield Source(("attr", node.attr))
            if isinstance(node.value, ast.Name) and node.value.id in self.parameters:
                yield from self._from_state(node.value, node.attr)
        yield from self._made(node.value) if node.attr in _TEXT_ATTRIBUTES else ()

    def _class_of(self, node: ast.expr) -> Iterator[Source]:
        yield from (source.part(CLASS) for source in self.sources(node))

    def _item(self, base: ast.expr, key: ast.expr) -> Iterator[Source]:
        yield from items_of(self.sources(base), self.key_of(key), "key")
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield from self._from_state(base, key.value)

    def _from_state(self, base: ast.expr, key: str) -> Iterator[Source]:
        """The item of the graph's state, unless `base` is known to be another object."""
        if self.resolve(base) is MISSING:
            yield Source(("key", key), "made", choice="always" if PROMPT_NAME.search(key) else "state")

    def _one_of(self, nodes: Sequence[ast.expr]) -> Iterator[Source]:
        """The sources of expressions of which one is the text; beside a computed one the others are fallbacks."""
        choice: Choice = "branch" if all(map(self.written, nodes)) else "fallback"
        for node in nodes:
            for source in self.sources(node):
                yield source.chosen(choice) if source.choice == "always" else source

    def _put(self, node: ast.expr, key: Hashable) -> Iterator[Source]:
        yield from (source.put_under(key) for source in self.sources(node))

    def _made(self, *nodes: ast.expr | None, way: Way = "made") -> Iterator[Source]:
        for node in nodes:
            yield from (source.joined(way) for source in self.sources(node))

    def passed(self, node: ast.Call) -> Iterator[Source]:
        """The arguments of a call and its receiver, as unknown code may transform them."""
        receiver = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        for one in (*receiver, *node.args, *(keyword.value for keyword in node.keywords)):
            yield from (source._replace(way="through") for source in self.sources(one) if not source.into)

    def _call(self, node: ast.Call) -> Iterator[Source]:
        name = last(node.func)
        arguments = [*node.args, *(k.value for k in node.keywords)]
        templates = [] if name in TEMPLATES else [text for text, _ in self.filled(node)]
        if templates:
            yield from self._made(*templates, way="filled")
            yield from self._made(*(argument for argument in arguments if argument not in templates), way="in")
        elif isinstance(node.func, ast.Attribute) and name in _METHODS | FILLING_METHODS | _TRIMMING:
            yield from self._method(node.func.value, name, node, arguments)
            if self.resolve(node.func) is MISSING:  # it may also be a method of the user's
                yield Source(self.call(node), "same")
        elif name in _SERIALIZERS and node.args and not isinstance(node.args[0], ast.Constant | ast.JoinedStr):
            serialized = isinstance(node.args[0], ast.Dict | ast.List | ast.Tuple) or name != "str"
            yield from self._made(node.args[0], way="in" if serialized else "same")
        elif name in _WRAPPERS or name in TEMPLATES:
            for argument in node.args:
                yield from self.sources(argument)
            for keyword in node.keywords:
                yield from self._put(keyword.value, keyword.arg) if keyword.arg else self.sources(keyword.value)
        elif name == "type" and len(arguments) == 1 and self.resolve(node.func) is MISSING:
            yield from self._class_of(arguments[0])
        elif name in _PICKERS:
            for argument in node.args[:1]:
                yield from items_of(self.sources(argument), ANY, "pick")
        elif self.readable(node):
            yield Source(self.call(node), "same")
            yield from self.passed(node) if self.unknown(node.func) else ()
        elif isinstance(node.func, ast.Name) and name in self.inner:
            yield Source(self.variable(f"{name}()"), "same")
        elif self.unknown(node.func):
            yield from self.passed(node)

    def _method(self, receiver: ast.expr, name: str, node: ast.Call, arguments: list[ast.expr]) -> Iterator[Source]:
        if name in _TRIMMING:
            yield from self.sources(receiver)
        elif name in FILLING_METHODS or name == "replace":
            yield from self._made(receiver, way="made" if name == "replace" else "filled")
            yield from self._made(*arguments, way="in")
            if not isinstance(receiver, ast.Constant | ast.JoinedStr) and self.kind(receiver) is MISSING:
                yield from self._unknown_template(name, node)
        elif name in ("values", "items"):
            yield from (source.put_under(ANY) for source in items_of(self.sources(receiver), ANY, "always"))
        elif name in _LOOKUPS and node.args:
            yield from self._item(receiver, node.args[0])
            for source in (source for argument in arguments[1:] for source in self.sources(argument)):
                yield source._replace(choice="fallback")
        else:
            yield from self._made(receiver, *arguments)

    def _unknown_template(self, name: str, node: ast.Call) -> Iterator[Source]:
        """The templates that an unknown object, such as a formatter, may fill in."""
        if name in ("render", "render_async", "format"):
            named = node.keywords if name != "format" else []
            yield from self.passed(ast.Call(ast.Constant(""), node.args, named))


_LOOKUPS = {"get", "pop", "setdefault"}
_METHODS = {"replace", "join", "items", "values", "format_messages", *_LOOKUPS}


def constant(value: object) -> Hashable:
    """The key that steps use for an object; `ANY` for one that the source does not write out."""
    if type(value) is property or value is MISSING:
        return ANY
    key = containers.key_of(value)
    return ANY if type(key) is tuple else key
