"""Where the text of an expression comes from, as far as one function's source tells."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Hashable, Iterable, Iterator, Sequence
from types import CodeType, FunctionType, ModuleType

from langgraph_gepa.adapter.dataflow import template_engines
from langgraph_gepa.adapter.dataflow.flow import ANY, CLASS, Given, Reading, Source, Vertex, under
from langgraph_gepa.adapter.dataflow.names import Names
from langgraph_gepa.adapter.dataflow.template_engines import MISSING
from langgraph_gepa.adapter.dataflow.uses import PROMPT_NAME, WAYS, Choice, Use, Way
from langgraph_gepa.adapter.dataflow.wording import frames
from langgraph_gepa.adapter.objects import containers, literals, source_code

FILLS = {"format", "format_map", "partial", "substitute", "safe_substitute", "render", "render_async"}

_SPEAKING = {"system", "human", "user", "developer", "ai", "assistant", "placeholder", "tool"}
_SAME = {"strip", "lstrip", "rstrip", "lower", "upper", "removeprefix", "removesuffix", "expandtabs", "title", "copy"}
_WRAPPERS = {"str", "list", "tuple", "dict", "set", "sorted", "reversed", "cast", "dedent", "cleandoc", "copy",
             "deepcopy", "iter", "enumerate", "zip", "fill"}  # fmt: skip
_SHOWING = {"str", "repr", "dumps", "pformat"}
"""Functions that show data as text."""
_PICKERS = {"next", "choice", "sample", "choices"}
"""Functions that pick one of many."""
TEMPLATES = {"Template", "from_string"}
"""What makes an object that is filled with `substitute` or `render`."""
_OF_ITS_OWN = {"content", "template", "value", "text"}
"""Attributes that hold an object's text."""


class Expressions(Names):
    """The expressions of one function. Texts written in them are noted in its reading."""

    def __init__(self, reading: Reading) -> None:
        super().__init__(reading)
        self.key = id(reading.function.__code__)
        self.file = reading.function.__code__.co_filename
        self.inner = {
            inner.name: inner
            for inner in self.nodes
            if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef) and inner is not reading.node
        }
        self.given = {*parameters(reading.function.__code__)} - {"self", "cls"}
        self.raised = {n.name for n in self.nodes if isinstance(n, ast.ExceptHandler) and n.name}

    def key_of(self, node: ast.expr) -> Hashable:
        """The key an expression is, `ANY` when that is computed."""
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name) if name in parameters(self.reading.function.__code__):
                return Given(self.key, name)
            case ast.Name(id=name) if name in self.reading.function.__code__.co_freevars:
                return Given(self.key, name)
        return constant(self.resolve(node))

    def variable(self, name: str) -> Vertex:
        return ("var", self.key, name)

    def call(self, node: ast.Call) -> Vertex:
        """What a call of a function we may read too returns."""
        return ("call", self.key, source_code.position(node))

    def sources(self, node: ast.expr | None) -> Iterator[Source]:
        """The vertices whose text is part of the expression's."""
        match node:
            case ast.Constant() | ast.JoinedStr() | ast.BinOp(op=ast.Add()):
                yield from self._text(node)
            case ast.BinOp(left=left, op=ast.Mod(), right=right):
                yield from self._made(left, way="filled")
                yield from self._inserted([right])
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                yield from self._each([left, right])
            case ast.Name(id=name):
                yield Source(self.variable(name))
            case ast.Attribute(attr="__class__", value=base):
                yield from self._class_of(base)
            case ast.Attribute(attr=name, value=base):
                yield from self._attribute(node)
                yield from self._made(base) if name in _OF_ITS_OWN else ()
            case ast.Subscript(value=base, slice=ast.Slice()):
                yield from self.sources(base)
            case ast.Subscript(value=base, slice=key):
                yield from self._item(base, key)
            case ast.Tuple(elts=[ast.Constant(value=str(role)), text]) if role in _SPEAKING:
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
            case ast.IfExp(body=one, orelse=other):
                yield from self._each([one, other])
            case ast.BoolOp(values=several):
                yield from self._each(several)
            case ast.Lambda(body=one) | ast.Await(value=one) | ast.Starred(value=one) | ast.NamedExpr(value=one):
                yield from self.sources(one)
            case ast.Call():
                yield from self._call(node)

    def elements(self, node: ast.expr, choice: Choice = "always") -> Iterator[Source]:
        """Where the elements of an expression that is iterated over come from."""
        yield from _taken(self.sources(node), ANY, choice)

    def computed(self, node: ast.expr | None) -> bool:
        """Whether an expression may be what no source writes out: what came in, or what was computed."""
        match node:
            case None | ast.Constant() | ast.List() | ast.Tuple() | ast.Set() | ast.Dict() | ast.Lambda():
                return False
            case ast.Subscript(value=ast.Name(id=name)) if name in self.given:
                return True
            case ast.Await(value=inner):
                return self.computed(inner)
        return not any(True for _ in self.sources(node))

    def written(self, node: ast.expr) -> bool:
        """Whether an expression is text that sources write out, whatever fills it."""
        match node:
            case ast.Constant():
                return True
            case ast.JoinedStr() | ast.BinOp(op=ast.Add()):
                return literals.read(node) is not None
            case ast.Name() | ast.Attribute():
                return type(self.resolve(node)) is str
            case ast.IfExp(body=one, orelse=other):
                return self.written(one) and self.written(other)
            case ast.Call(func=ast.Attribute(value=inner, attr=name)) if name in FILLS | _SAME:
                return self.written(inner)
        return False

    def _text(self, node: ast.expr) -> Iterator[Source]:
        literal = literals.read(node)
        if literal is not None:
            self._note(literal)
            yield Source(("lit", self.key, literal.position))
        beside: Way = "near" if literal is not None and frames(literal.text, literal.style) else "in"
        if isinstance(node, ast.JoinedStr):
            for source in self._inserted(_filled(node), "near" if literal is None else beside):
                self._fills(literal, source)
                yield source
        elif isinstance(node, ast.BinOp):
            for piece in literals.chain(node):
                if isinstance(piece, ast.JoinedStr):
                    for source in self._inserted(_filled(piece), beside):
                        self._fills(literal, source)
                        yield source
                elif literal is None:
                    yield from (source._replace(way=_less(source.way, "made")) for source in self.sources(piece))
                elif not isinstance(piece, ast.Constant):
                    for source in self._inserted([piece], "near"):
                        self._fills(literal, source)
                        yield source

    def _fills(self, literal: literals.Literal | None, source: Source) -> None:
        if literal is not None:
            self.reading.filling[literal.position].append(source)

    def _note(self, literal: literals.Literal) -> None:
        self.reading.texts.setdefault(literal.position, literal)
        filled = (node for value in literal.values.values() for node in source_code.walk(value))
        if self.raised and any(isinstance(node, ast.Name) and node.id in self.raised for node in filled):
            self.reading.outputs.add(literal.position)

    def _attribute(self, node: ast.Attribute) -> Iterator[Source]:
        """Names of an imported module are known exactly, other attributes by name. One of a parameter may be the
        state's."""
        if (path := self.dotted(node)) and issubclass(type(self.resolve(node.value)), ModuleType):
            yield Source(self.variable(path))
            return
        yield Source(("attr", node.attr))
        if isinstance(node.value, ast.Name) and node.value.id in parameters(self.reading.function.__code__):
            yield from self._from_state(node.value, node.attr)

    def _class_of(self, node: ast.expr) -> Iterator[Source]:
        for source in self.sources(node):
            yield source._replace(taken=(*source.taken, CLASS))

    def _item(self, base: ast.expr, key: ast.expr) -> Iterator[Source]:
        yield from _taken(self.sources(base), self.key_of(key), "key")
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield from self._from_state(base, key.value)

    def _from_state(self, base: ast.expr, key: str) -> Iterator[Source]:
        """What is not known to be an object of the program may be the state."""
        if self.resolve(base) is MISSING:
            yield Source(("key", key), "made", choice="always" if PROMPT_NAME.search(key) else "state")

    def _each(self, nodes: Sequence[ast.expr]) -> Iterator[Source]:
        """Several expressions of which one is the text; beside one that no source writes out the others stand in."""
        choice: Choice = "branch" if all(map(self.written, nodes)) else "fallback"
        for node in nodes:
            for source in self.sources(node):
                yield source if source.choice != "always" else source._replace(choice=choice)

    def _put(self, node: ast.expr, key: Hashable) -> Iterator[Source]:
        for source in self.sources(node):
            yield source._replace(into=(key, *source.into))

    def _made(self, *nodes: ast.expr | None, way: Way = "made") -> Iterator[Source]:
        for node in nodes:
            for source in self.sources(node):
                yield source._replace(way=_less(source.way, way), into=())

    def _inserted(self, nodes: Iterable[ast.expr], way: Way = "in") -> Iterator[Source]:
        yield from self._made(*nodes, way=way)

    def passed(self, node: ast.Call) -> Iterator[Source]:
        """The texts that a call is given, and that on which it is called, as what unknown code makes of them."""
        receiver = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        for one in (*receiver, *node.args, *(keyword.value for keyword in node.keywords)):
            yield from (source._replace(way="through") for source in self.sources(one) if not source.into)

    def _call(self, node: ast.Call) -> Iterator[Source]:
        name = last(node.func)
        arguments = [*node.args, *(k.value for k in node.keywords)]
        templates = [] if name in TEMPLATES else [text for text, _ in self.filled(node)]
        if templates:
            yield from self._made(*templates, way="filled")
            yield from self._inserted(argument for argument in arguments if argument not in templates)
        elif isinstance(node.func, ast.Attribute) and name in _METHODS | FILLS | _SAME:
            yield from self._method(node.func.value, name, node, arguments)
            if self.resolve(node.func) is MISSING:  # a method of the user's may be called so as well
                yield Source(self.call(node), "same")
        elif name in _SHOWING and node.args and not isinstance(node.args[0], ast.Constant | ast.JoinedStr):
            shown = isinstance(node.args[0], ast.Dict | ast.List | ast.Tuple) or name != "str"
            yield from self._inserted(node.args[:1], "in" if shown else "same")
        elif name in _WRAPPERS or name in TEMPLATES:
            for argument in node.args:
                yield from self.sources(argument)
            for keyword in node.keywords:
                yield from self._put(keyword.value, keyword.arg) if keyword.arg else self.sources(keyword.value)
        elif name == "type" and len(arguments) == 1 and self.resolve(node.func) is MISSING:
            yield from self._class_of(arguments[0])
        elif name in _PICKERS:
            for argument in node.args[:1]:
                yield from _taken(self.sources(argument), ANY, "pick")
        elif self.readable(node):
            yield Source(self.call(node), "same")
            yield from self.passed(node) if self.unknown(node.func) else ()
        elif isinstance(node.func, ast.Name) and name in self.inner:
            yield Source(self.variable(f"{name}()"), "same")
        elif self.unknown(node.func):
            yield from self.passed(node)

    def unknown(self, function: ast.expr) -> bool:
        """Whether what is called is not read, and may make anything of a text."""
        target = self.resolve(function)
        if isinstance(function, ast.Attribute) or target is not MISSING:
            return template_engines.foreign(target)
        return not (isinstance(function, ast.Name) and function.id in {*vars(builtins), *self.inner})

    def filled(self, node: ast.Call) -> Iterator[tuple[ast.expr, Use]]:
        """What a call fills in, and in which language it reads it."""
        receiver = self.kind(node.func.value) if isinstance(node.func, ast.Attribute) else MISSING
        return template_engines.filled(node, last(node.func), self.resolve(node.func), receiver, self.file)

    def _method(self, receiver: ast.expr, name: str, node: ast.Call, arguments: list[ast.expr]) -> Iterator[Source]:
        if name in _SAME:
            yield from self.sources(receiver)
        elif name in FILLS or name == "replace":
            yield from self._made(receiver, way="made" if name == "replace" else "filled")
            yield from self._inserted(arguments)
            if not isinstance(receiver, ast.Constant | ast.JoinedStr) and self.kind(receiver) is MISSING:
                yield from self._perhaps(name, node)
        elif name in ("values", "items"):
            for source in _taken(self.sources(receiver), ANY, "always"):
                yield source._replace(into=(ANY, *source.into))
        elif name in _LOOKUPS and node.args:
            yield from self._item(receiver, node.args[0])
            for source in (source for argument in arguments[1:] for source in self.sources(argument)):
                yield source._replace(choice="fallback")
        else:
            yield from self._made(receiver, *arguments)

    def _perhaps(self, name: str, node: ast.Call) -> Iterator[Source]:
        """What an object that is not known, such as a formatter, may fill in of the texts that it is given."""
        if name in ("render", "render_async", "format"):
            named = node.keywords if name != "format" else []
            yield from self.passed(ast.Call(ast.Constant(""), node.args, named))

    def readable(self, node: ast.Call) -> bool:
        """Whether a call is of a function, or of a method of an object that is not known, that we may read too."""
        target = self.resolve(node.func)
        return type(target) is FunctionType or (isinstance(node.func, ast.Attribute) and target is MISSING)


_LOOKUPS = {"get", "pop", "setdefault"}
_METHODS = {"replace", "join", "items", "values", "format_messages", *_LOOKUPS}


def constant(value: object) -> Hashable:
    """The key that an object is, `ANY` for one that is no key known from its source."""
    if type(value) is property or value is MISSING:
        return ANY
    key = containers.key_of(value)
    return ANY if type(key) is tuple else key


def parameters(compiled: CodeType) -> tuple[str, ...]:
    return compiled.co_varnames[: compiled.co_argcount + compiled.co_kwonlyargcount]


def items(node: ast.Dict) -> dict[str, ast.expr]:
    """The values of a dict under keys that are written out."""
    pairs = zip(node.keys, node.values, strict=True)
    return {k.value: v for k, v in pairs if isinstance(k, ast.Constant) and isinstance(k.value, str)}


def last(node: ast.expr) -> str:
    """The last name of a dotted one."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _taken(sources: Iterable[Source], key: Hashable, choice: Choice) -> Iterator[Source]:
    for source in sources:
        if not source.into:
            yield source._replace(taken=(*source.taken, key), choice=_either(source.choice, choice))
        elif (rest := under((key,), source.into[:1])) is not None:
            picked: Choice = "pick" if choice in ("key", "pick") and key is ANY else "always"
            yield source._replace(into=(*rest, *source.into[1:]), choice=_either(source.choice, picked))


def _either(before: Choice, now: Choice) -> Choice:
    """The choice that tells more of a text: a key that is written out tells nothing."""
    return now if before in ("always", "key") else before


def _filled(node: ast.JoinedStr) -> list[ast.expr]:
    return [value.value for value in node.values if isinstance(value, ast.FormattedValue)]


def _less(way: Way, other: Way) -> Way:
    """How text comes that comes in one way, and then in the other."""
    return max(way, other, key=WAYS.index)
