"""Where a function's texts go: into its variables and what it returns, and into models."""

from __future__ import annotations

import ast
import re
from collections.abc import Hashable, Iterable, Iterator
from functools import partial
from types import CodeType, FunctionType

from langgraph_gepa.agent import code, engines, fields, sinks, templates
from langgraph_gepa.agent.engines import MISSING
from langgraph_gepa.agent.expressions import Expressions, items, last, parameters
from langgraph_gepa.agent.flow import (
    ANY,
    PROMPT_NAME,
    Flow,
    Given,
    Kept,
    Path,
    Place,
    Reading,
    Source,
    Use,
    carried,
    whole,
)

_ROLES = {"system", "human", "user", "developer"}
_TOKEN = re.compile(r"\W+\w[\w .:-]*\W*|[A-Z][A-Z0-9_]{2,}")
"""What is replaced in a text to fill it: a word in signs of any kind, or in capitals."""


_HARMLESS = {*dir(str), *dir(list), *dir(dict), *dir(set), *sinks.CALLS}
"""Methods of Python's own types, and those that models and runnables are called by."""


def read(flow: Flow, function: FunctionType) -> None:
    """Adds a function's edges and sinks to the flow, unless it has been read or has no source."""
    if id(function.__code__) in flow.readings:
        return
    found = code.source(function.__code__)
    if found is None:
        return
    reading = Reading(function, found.node)
    flow.readings[id(function.__code__)] = reading
    if found.owner is not None:
        flow.methods[function.__name__].append(function.__code__)
    _Reader(flow, reading).read()


class _Reader(ast.NodeVisitor):
    def __init__(self, flow: Flow, reading: Reading) -> None:
        self.flow = flow
        self.reading = reading
        self.expressions = Expressions(reading)
        self.sources = self.expressions.sources
        self.scope = [reading.node]

    def read(self) -> None:
        node = self.reading.node
        returned: Place = ("ret", id(self.reading.function.__code__))
        if isinstance(node, ast.Lambda):
            self._comes(returned, self.sources(node.body))
            self.visit(node.body)
        else:
            for statement in node.body:
                self.visit(statement)
            if PROMPT_NAME.search(node.name):
                self.flow.sinks.append((returned, (), "prompt"))

    # assignments

    def _comes(self, place: Place, sources: Iterable[Source], into: Path = ()) -> None:
        self.flow.edges[place].extend(
            source._replace(into=(*into, *source.into)) if into else source for source in sources
        )

    def _assign(self, target: ast.expr, sources: list[Source], into: Path = ()) -> None:
        """`into` is where within the target the value is put."""
        match target:
            case ast.Name(id=name):
                self._comes(self.expressions.variable(name), sources, into)
                self._hint(sources, name)
            case ast.Attribute(attr=name):
                self._comes(("attr", name), sources, into)
                self._hint(sources, name)
            case ast.Subscript(value=base, slice=key):
                under = self.expressions.key_of(key)
                self._assign(base, sources, (under, *into))
                if isinstance(under, str):
                    self._comes(("key", under), sources, into)
                    if PROMPT_NAME.search(under):
                        self._sink(sources)
            case ast.Tuple(elts=several) | ast.List(elts=several):
                for one in several:
                    self._assign(one, sources, into)
            case ast.Starred(value=one):
                self._assign(one, sources, into)

    def _unpack(self, target: ast.expr, value: ast.expr) -> None:
        """`a, b = x, y` pairs what stands in the same place; otherwise each may be any part."""
        if isinstance(target, ast.Tuple | ast.List):
            if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
                for one, other in zip(target.elts, value.elts, strict=True):
                    self._unpack(one, other)
            else:
                self._assign(target, list(self.expressions.elements(value)))
        else:
            self._assign(target, list(self.sources(value)))

    def _hint(self, sources: Iterable[Source], name: str) -> None:
        for source in sources:
            if source.place[:2] == ("lit", self.expressions.key):
                self.reading.hints.setdefault(source.place[2], name)
        self._loose(sources)

    def _loose(self, sources: Iterable[Source]) -> None:
        for source in sources:
            where = source.place[-1]
            if source.place[0] == "lit" and templates.words(self.reading.texts[where].text) >= sinks.WORDS:
                self.reading.loose.add(where)

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._unpack(target, node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._unpack(node.target, node.value)
            self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._unpack(node.target, node.value)
        self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self._unpack(node.target, node.value)
        self.generic_visit(node)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self._iterate(node.target, node.iter)
        self.generic_visit(node)

    visit_AsyncFor = visit_For  # noqa: N815  # the name ast.NodeVisitor looks for

    def visit_withitem(self, node: ast.withitem) -> None:
        if node.optional_vars is not None:
            self._unpack(node.optional_vars, node.context_expr)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self._iterate(node.target, node.iter)
        self.generic_visit(node)

    def _iterate(self, target: ast.expr, iterated: ast.expr) -> None:
        elements = list(self.expressions.elements(iterated))
        self._assign(target, elements)
        if isinstance(target, ast.Tuple) and not _paired(iterated):
            self._assign(target, [source._replace(taken=(*source.taken, ANY)) for source in elements])

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """A function inside the function shares its variables here; its docstring is no text."""
        self.scope.append(node)
        for statement in node.body:
            self.visit(statement)
        self.scope.pop()

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """A class made in the function: given to a model, it describes itself and the classes its fields name."""
        place = self.expressions.variable(node.name)
        for statement in node.body:
            match statement:
                case ast.Expr(value=ast.Constant() as written) if statement is node.body[0]:
                    self._describes(place, written, node.name)
                case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                    for used in fields.types(annotation):
                        self._comes(place, self.sources(used))
                    for text in fields.descriptions(annotation, value):
                        self._describes(place, text, f"{node.name}.{name}")
                case _:
                    self.visit(statement)

    def _describes(self, place: Place, text: ast.expr, name: str) -> None:
        sources = list(self.sources(text))
        self._comes(place, sources)
        self.reading.described.update((source.place[2], name) for source in sources if source.place[0] == "lit")

    def visit_Return(self, node: ast.Return) -> None:
        inner = self.scope[-1]
        sources = list(self.sources(node.value))
        if inner is self.reading.node:
            self._comes(("ret", self.expressions.key), sources)
        elif isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
            self._comes(self.expressions.variable(f"{inner.name}()"), sources)
        if node.value is not None:
            self._loose(sources)
            self.visit(node.value)

    def visit_Yield(self, node: ast.Yield) -> None:
        """What is yielded is an element of what a generator returns, and all that a context manager gives."""
        sources = list(self.sources(node.value))
        for into in ((), (ANY,)):
            self._comes(("ret", self.expressions.key), sources, into)
        self._loose(sources)
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        """What is raised is told to people."""

    def visit_Assert(self, node: ast.Assert) -> None:
        """What is asserted is told to people."""

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.visit(node.value)

    # sinks

    def _sink(self, sources: Iterable[Source], use: Use = "prompt") -> None:
        for source in sources:
            if (given := carried(use, source.way)) is not None:
                self.flow.sinks.append((source.place, source.taken, given))

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if isinstance(node.op, ast.Mod):
            self._sink(self.sources(node.left), "percent")
        self.generic_visit(node)

    def visit_Tuple(self, node: ast.Tuple) -> None:
        match node.elts:
            case [ast.Constant(value=str(role)), text] if role in _ROLES:
                self._sink(self.sources(text))
        self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        pairs = items(node)
        if {"name", "description"} <= pairs.keys() and not {"parameters", "input_schema"}.isdisjoint(pairs):
            self._sink(self.sources(pairs["description"]), "tool")
        role = pairs.get("role")
        if "content" in pairs and (not isinstance(role, ast.Constant) or role.value in _ROLES) and role is not None:
            self._sink(self.sources(pairs["content"]))
        for key, value in pairs.items():
            self._comes(("key", key), self.sources(value))
            if PROMPT_NAME.search(key):
                self._sink(self.sources(value))
        for value in node.values:
            self.visit(value)

    def visit_Call(self, node: ast.Call) -> None:
        name = last(node.func)
        target = self.expressions.resolve(node.func)
        for argument, use in sinks.of_call(node, self.expressions):
            self._sink(self.sources(argument), use)
        self._loose(self.sources(sinks.answer(node, self.expressions)))
        for keyword in node.keywords:
            if keyword.arg is not None and PROMPT_NAME.search(keyword.arg):
                sources = list(self.sources(keyword.value))
                self._sink(sources)
                self._hint(sources, keyword.arg)
                for use in self._uses(node.func, target, keyword.arg):
                    self._sink(sources, use)
        if isinstance(node.func, ast.Attribute):
            self._method(node.func.value, name, node)
        if type(target) is FunctionType:
            self._called(node, 0, target.__code__)
        elif isinstance(node.func, ast.Attribute) and target is MISSING:
            self.flow.method_calls.append((name, partial(self._called, node, 1), partial(self._passed, name, node)))
        elif isinstance(node.func, ast.Name) and (inner := self.expressions.inner.get(name)) is not None:
            for parameter, argument in zip(inner.args.args, node.args, strict=False):
                self._comes(self.expressions.variable(parameter.arg), self.sources(argument))
        self.generic_visit(node)

    def _method(self, receiver: ast.expr, name: str, node: ast.Call) -> None:
        if name in ("format", "format_map"):
            self._sink(self.sources(receiver), "format")
        elif name == "replace" and node.args:
            written = node.args[0]
            token = written.value if isinstance(written, ast.Constant) else self.expressions.resolve(written)
            if not isinstance(token, str):  # computed, such as "{" + key + "}"
                self._sink(self.sources(receiver), "opaque")
            elif _TOKEN.fullmatch(token):
                self._sink(self.sources(receiver), Kept(token))
        elif name in ("append", "insert", "add") and node.args:
            self._assign(receiver, list(self.sources(node.args[-1])), (ANY,))
        elif name in ("extend", "update") and node.args:
            self._assign(receiver, list(self.sources(node.args[-1])))

    def _passed(self, name: str, node: ast.Call) -> None:
        """A call of a method that is nobody's whose code is read."""
        if name in _HARMLESS:
            return
        self._comes(self.expressions.call(node), self.expressions.passed(node))
        for keyword in node.keywords:
            if keyword.arg is not None and PROMPT_NAME.search(keyword.arg):
                self._sink(self.sources(keyword.value), "opaque")

    def _uses(self, function: ast.expr, target: object, argument: str) -> Iterator[Use]:
        """How code that is not the user's uses a text that it is given under the name of a prompt."""
        if engines.framework(target):
            yield from whole(self.flow.framework(target, argument)) - {"tools", "tool"}
        elif self.expressions.unknown(function) and not isinstance(function, ast.Attribute):
            yield "opaque"

    def _called(self, node: ast.Call, skip: int, target: CodeType) -> None:
        """A call of a function we may read too: what it returns, and what its parameters are given."""
        result = self.expressions.call(node)
        self.flow.edges[result].append(Source(("ret", id(target))))
        names = parameters(target)
        given = dict(zip(names[skip:], node.args, strict=False))
        given |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg is not None}
        for parameter, argument in given.items():
            self._comes(("var", id(target), parameter), self.sources(argument))
        for parameter in names[skip:]:
            known = parameter in given
            key = self.expressions.key_of(given[parameter]) if known else self._default(target, parameter)
            self.flow.given[Given(id(target), parameter)].add(key)

    def _default(self, target: CodeType, parameter: str) -> Hashable:
        reading = self.flow.readings.get(id(target))
        if reading is None:
            return ANY
        function = reading.function
        names = target.co_varnames[: target.co_argcount]
        defaults = dict(zip(reversed(names), reversed(function.__defaults__ or ()), strict=False))
        default = {**defaults, **(function.__kwdefaults__ or {})}.get(parameter, ANY)
        return default if isinstance(default, str | int) else ANY


def _paired(node: ast.expr) -> bool:
    """Whether what is iterated over gives pairs of which the reading keeps the texts only."""
    return isinstance(node, ast.Call) and last(node.func) in ("items", "enumerate", "zip")
