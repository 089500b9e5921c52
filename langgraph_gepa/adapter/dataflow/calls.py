"""Where calls, messages and comparisons of a function take its texts: to models, and to functions that are read."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import CodeType, FunctionType

from pydantic import BaseModel

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.dataflow import message_groups, sinks, template_engines
from langgraph_gepa.adapter.dataflow.expressions import FILLS, Expressions, items, last, parameters
from langgraph_gepa.adapter.dataflow.flow import ANY, Flow, Given, Guard, Path, Reading, Source, Vertex, whole_uses
from langgraph_gepa.adapter.dataflow.template_engines import MISSING
from langgraph_gepa.adapter.dataflow.uses import PROMPT_NAME, Kept, Use
from langgraph_gepa.adapter.objects import classes, functions
from langgraph_gepa.core.module import Kind

_ROLES = {"system", "human", "user", "developer"}
_TOKEN = re.compile(r"\W+\w[\w .:-]*\W*|[A-Z][A-Z0-9_]{2,}")
"""What is replaced in a text to fill it: a word in signs of any kind, or in capitals."""
_HARMLESS = {*dir(str), *dir(list), *dir(dict), *dir(set), *sinks.CALLS, *FILLS, *sinks.FILLING}
"""Methods of Python's own types, those that models and runnables are called by, and those that fill in a text."""
_NAMED: Mapping[str, Kind] = {"parameters": "tool", "input_schema": "tool", "schema": "schema"}
"""Keys of a mapping with a name under which a schema stands, and what that describes."""
_COMPARING = {"startswith", "endswith", "find", "index", "count", "fullmatch", "search"}


class Calls(ast.NodeVisitor):
    """Reads the expressions of one function. `guards` are what must hold of its parameters where it reads now."""

    def __init__(self, flow: Flow, reading: Reading) -> None:
        self.flow = flow
        self.reading = reading
        self.expressions = Expressions(reading)
        self.sources = self.expressions.sources
        self.guards: tuple[Guard, ...] = ()
        self.reporting = False
        self._elsewhere = False

    def comes(self, vertex: Vertex, sources: Iterable[Source], into: Path = ()) -> None:
        self.flow.edges[vertex].extend(
            source._replace(into=(*into, *source.into), guards=(*source.guards, *self.guards)) for source in sources
        )

    def assign(self, target: ast.expr, sources: list[Source], into: Path = ()) -> None:
        """`into` is where within the target the value is put."""
        raise NotImplementedError

    def computed(self, vertex: Vertex, value: ast.expr | None, into: Path = ()) -> None:
        """Notes that a vertex, or an item of it, may hold what no source writes out."""
        if isinstance(value, ast.Dict):
            for key, one in zip(value.keys, value.values, strict=True):
                if key is not None:
                    self.computed(vertex, one, (*into, self.expressions.key_of(key)))
        elif self.expressions.computed(value):
            self.flow.computed.add((vertex, into[:1]))

    def hint(self, sources: Iterable[Source], name: str) -> None:
        for source in sources:
            if source.vertex[:2] == ("lit", self.expressions.key):
                self.reading.hints.setdefault(source.vertex[2], name)
        self.loose(sources)

    def loose(self, sources: Iterable[Source]) -> None:
        for source in sources:
            where = source.vertex[-1]
            if source.vertex[0] == "lit" and templates.words(self.reading.texts[where].text) >= sinks.WORDS:
                self.reading.loose.add(where)

    def sink(self, sources: Iterable[Source], use: Use = "prompt") -> None:
        use = "elsewhere" if self._elsewhere and use in ("prompt", "inserted", "hinted") else use
        self.flow.sinks.extend((source, use) for source in self._guarded(sources))

    def _guarded(self, sources: Iterable[Source]) -> Iterable[Source]:
        return (source._replace(guards=(*source.guards, *self.guards)) for source in sources)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if isinstance(node.op, ast.Mod):
            self.sink(self.sources(node.left), "percent")
        elif isinstance(node.op, ast.Add) and isinstance(node.right, ast.List):
            self.reading.beside.update(message_groups.added(node.right.elts, self.expressions))
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        for one in (node.left, *node.comparators):
            self.sink(self.sources(one), "compared")
        self.generic_visit(node)

    def visit_Tuple(self, node: ast.Tuple) -> None:
        match node.elts:
            case [ast.Constant(value=str(role)), text] if role in _ROLES:
                self.sink(self.sources(text))
            case _:
                self.reading.beside.update(message_groups.beside(node.elts, self.expressions))
        self.generic_visit(node)

    def visit_List(self, node: ast.List) -> None:
        self.reading.beside.update(message_groups.beside(node.elts, self.expressions))
        self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> None:
        pairs = items(node)
        if isinstance(messages := pairs.get("messages"), ast.List):
            self.reading.beside.update(message_groups.added(messages.elts, self.expressions))
        if {"name", "description"} <= pairs.keys() and not {"parameters", "input_schema"}.isdisjoint(pairs):
            self.sink(self.sources(pairs["description"]), "tool")
        for key, kind in _NAMED.items():
            if isinstance(schema := pairs.get(key), ast.Dict) and "name" in pairs:
                self._schema({**items(schema), **pairs}, pairs["name"], kind)
        self._schema(pairs, pairs.get("title"), "schema")
        role = pairs.get("role")
        if "content" in pairs and (not isinstance(role, ast.Constant) or role.value in _ROLES) and role is not None:
            self.sink(self.sources(pairs["content"]))
        for key, value in pairs.items():
            self.comes(("key", key), self.sources(value))
            self.computed(("key", key), value)
            if PROMPT_NAME.search(key):
                self.sink(self.sources(value), "hinted")
        for value in node.values:
            self.visit(value)

    def _schema(self, pairs: Mapping[str, ast.expr], title: ast.expr | None, kind: Kind) -> None:
        """A JSON schema that is written out: it describes itself and its properties wherever a model is given it."""
        properties = pairs.get("properties")
        if not isinstance(properties, ast.Dict):
            return
        name = str(title.value) if isinstance(title, ast.Constant) else self.reading.function.__name__
        texts = {name: pairs.get("description")}
        texts |= {
            f"{name}.{field}": items(one).get("description")
            for field, one in items(properties).items()
            if isinstance(one, ast.Dict)
        }
        for described, text in texts.items():
            for source in self.sources(text):
                if source.vertex[0] == "lit":
                    self.reading.described.setdefault(source.vertex[2], (kind, described))

    def visit_Call(self, node: ast.Call) -> None:
        name = last(node.func)
        target = self.expressions.resolve(node.func)
        before = self.reporting, self._elsewhere
        if sinks.calls_model(node, self.expressions) or name == "Send":
            self.reporting = False
        for argument, use in sinks.of_call(node, self.expressions):
            self.sink(self.sources(argument), self._reported(node, argument, use))
        self.loose(self.sources(sinks.answer(node, self.expressions)))
        if isinstance(node.func, ast.Attribute):
            self._method(node.func.value, name, node)
        self._elsewhere = self._elsewhere or sinks.is_elsewhere(node, self.expressions)
        if self._elsewhere:
            for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                self.sink(self.sources(argument), "elsewhere")
        elif type(target) is FunctionType:
            self._called(node, 0, target.__code__, target)
            if not functions.own(target):
                self._unread(node, "")
        elif issubclass(type(target), type) and classes.own(target):
            self._made(node, target)
        elif isinstance(node.func, ast.Name) and (inner := self.expressions.inner.get(name)) is not None:
            for parameter, value in zip(inner.args.args, node.args, strict=False):
                self.comes(self.expressions.variable(parameter.arg), self.sources(value))
        else:
            self._unread(node, name if isinstance(node.func, ast.Attribute) and target is MISSING else "")
        self.generic_visit(node)
        self.reporting, self._elsewhere = before

    def _reported(self, node: ast.Call, text: ast.expr, use: Use) -> Use:
        """How the text of a message is used: one that is returned goes into the state, and in the name of an agent it
        is what that came to."""
        if not (self.reporting and use == "prompt" and sinks.is_message(node, self.expressions)):
            return use
        if any(keyword.arg == "name" for keyword in node.keywords):
            self.reading.outputs.update(source.vertex[2] for source in self.sources(text) if source.vertex[0] == "lit")
        return use if "System" in sinks.chain(node.func) else "reported"

    def _unread(self, node: ast.Call, method: str) -> None:
        """A call of what cannot be looked into, or of a method that only its name is known of."""
        if method:
            self.flow.method_calls.append((method, partial(self._called, node, 1), partial(self._passed, method, node)))
        for keyword in node.keywords:
            if keyword.arg is not None and PROMPT_NAME.search(keyword.arg):
                sources = list(self.sources(keyword.value))
                self.hint(sources, keyword.arg)
                use = sinks.named(node, keyword.arg, self.expressions)
                for other in self._uses(node.func, keyword.arg):
                    self.sink(sources, other)
                if use is not None:
                    self.flow.hints.extend((method, source, use) for source in self._guarded(sources))

    def _method(self, receiver: ast.expr, name: str, node: ast.Call) -> None:
        if name in ("format", "format_map"):
            self.sink(self.sources(receiver), "format")
        elif name == "replace" and node.args:
            written = node.args[0]
            token = written.value if isinstance(written, ast.Constant) else self.expressions.resolve(written)
            if not isinstance(token, str):  # computed, such as "{" + key + "}"
                self.sink(self.sources(receiver), "opaque")
            elif _TOKEN.fullmatch(token):
                self.sink(self.sources(receiver), Kept(token))
        elif name in ("append", "insert", "add") and node.args:
            self.reading.beside.update(message_groups.added(node.args[-1:], self.expressions))
            collected = [_collected(source) for source in self.sources(node.args[-1])]
            self.assign(receiver, collected, (ANY,))
        elif name in ("extend", "update") and node.args:
            self.assign(receiver, list(self.sources(node.args[-1])))
        elif name in _COMPARING:
            for argument in node.args:
                self.sink(self.sources(argument), "compared")

    def _passed(self, name: str, node: ast.Call) -> None:
        """A call of a method that is nobody's whose code is read."""
        if name in _HARMLESS:
            return
        self.comes(self.expressions.call(node), self.expressions.passed(node))
        for keyword in node.keywords:
            if keyword.arg is not None and PROMPT_NAME.search(keyword.arg):
                self.sink(self.sources(keyword.value), "opaque")

    def _uses(self, function: ast.expr, argument: str) -> Iterator[Use]:
        """How code that is not the user's uses a text that it is given under the name of a prompt."""
        target = self.expressions.resolve(function)
        if template_engines.framework(target):
            yield from whole_uses(self.flow.framework(target, argument)) - {"tools", "tool"}
        elif self.expressions.unknown(function) and not isinstance(function, ast.Attribute):
            yield "opaque"

    def _called(self, node: ast.Call, skip: int, target: CodeType, function: FunctionType | None = None) -> None:
        """A call of a function we may read too: what it returns, and what its parameters are given."""
        result = self.expressions.call(node)
        self.flow.edges[result].append(Source(("ret", id(target))))
        names = parameters(target)
        given = dict(zip(names[skip:], node.args, strict=False))
        given |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg is not None}
        for parameter, argument in given.items():
            vertex = ("var", id(target), parameter)
            self.comes(vertex, self.sources(argument))
            self.computed(vertex, argument)
        for parameter in names[skip:]:
            known = parameter in given
            key = self.expressions.key_of(given[parameter]) if known else self._default(target, parameter, function)
            self.flow.given[Given(id(target), parameter)].add(key)

    def _made(self, node: ast.Call, cls: type) -> None:
        """An instance of a class of the user's: what its constructor, or its fields, are given."""
        own = vars(cls).get("__init__")
        names = tuple(_fields(cls))
        if type(own) is FunctionType and functions.own(own):
            self._called(node, 1, own.__code__, own)
        elif names:
            for name, value in _given(node, names).items():
                self.comes(("attr", name), self.sources(value))
                self.hint(list(self.sources(value)), name)
        else:
            self._unread(node, "")

    def _default(self, target: CodeType, parameter: str, function: FunctionType | None) -> Hashable:
        reading = self.flow.readings.get(id(target))
        function = reading.function if function is None and reading is not None else function
        if function is None:
            return ANY
        names = target.co_varnames[: target.co_argcount]
        defaults = dict(zip(reversed(names), reversed(function.__defaults__ or ()), strict=False))
        default = {**defaults, **(function.__kwdefaults__ or {})}.get(parameter, ANY)
        return default if type(default) in (str, int, bool) else ANY


def _given(node: ast.Call, names: Sequence[str]) -> Mapping[str, ast.expr]:
    named = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg is not None}
    return {**dict(zip(names, node.args, strict=False)), **named}


def _fields(cls: type) -> Iterable[str]:
    """The fields of a dataclass or pydantic model, in their order."""
    if dataclasses.is_dataclass(cls):
        return (field.name for field in dataclasses.fields(cls))
    return cls.__pydantic_fields__ if issubclass(cls, BaseModel) else ()


def _collected(source: Source) -> Source:
    return source._replace(choice="collected") if source.choice == "always" else source
