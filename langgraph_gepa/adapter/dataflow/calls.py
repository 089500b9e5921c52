"""Reads the expressions of a function into edges and sinks: calls, messages, schemas and comparisons."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from functools import partial
from types import CodeType, FunctionType

from pydantic import BaseModel

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.dataflow import message_groups, sinks, template_engines
from langgraph_gepa.adapter.dataflow.expressions import FILLING_METHODS, Expressions
from langgraph_gepa.adapter.dataflow.flow import ANY, Flow, Given, Guard, Path, Reading, Source, Vertex, whole_uses
from langgraph_gepa.adapter.dataflow.syntax_nodes import chain, items, keywords, last, parameters
from langgraph_gepa.adapter.dataflow.template_engines import MISSING
from langgraph_gepa.adapter.dataflow.uses import PROMPT_NAME, Kept, Use
from langgraph_gepa.adapter.objects import classes, functions
from langgraph_gepa.core.module import Kind

_ROLES = {"system", "human", "user", "developer"}
_TOKEN = re.compile(r"\W+\w[\w .:-]*\W*|[A-Z][A-Z0-9_]{2,}")
"""What `str.replace` replaces in a template: a word between punctuation of any kind, or in capitals."""
_HARMLESS = {*dir(str), *dir(list), *dir(dict), *dir(set), *sinks.CALLS, *FILLING_METHODS, *sinks.FILLING}
"""Methods of built-in types, those that run models, and those that fill in a text."""
_SCHEMA_KEYS: Mapping[str, Kind] = {"parameters": "tool", "input_schema": "tool", "schema": "schema"}
"""Keys under which a named mapping holds a schema, and what the schema describes."""
_COMPARISONS = {"startswith", "endswith", "find", "index", "count", "fullmatch", "search"}


class Calls(ast.NodeVisitor):
    """Visits the expressions of one function. `guards` are the conditions of the branch that is visited."""

    def __init__(self, flow: Flow, reading: Reading) -> None:
        self.flow = flow
        self.reading = reading
        self.expressions = Expressions(reading)
        self.sources = self.expressions.sources
        self.guards: tuple[Guard, ...] = ()
        self.in_return = False
        self._elsewhere = False

    def add_edges(self, vertex: Vertex, sources: Iterable[Source], into: Path = ()) -> None:
        """Adds edges from the sources to a vertex, or to the part `into` of it."""
        self.flow.edges[vertex].extend(source.put_under(*into) for source in self._guarded(sources))

    def assign(self, target: ast.expr, sources: list[Source], into: Path = ()) -> None:
        """Adds the edges of an assignment to the part `into` of a target."""
        raise NotImplementedError

    def record_computed(self, vertex: Vertex, value: ast.expr | None, into: Path = ()) -> None:
        """Records that a vertex, or an item of it, may hold what no source writes out."""
        if isinstance(value, ast.Dict):
            for key, one in zip(value.keys, value.values, strict=True):
                if key is not None:
                    self.record_computed(vertex, one, (*into, self.expressions.key_of(key)))
        elif self.expressions.computed(value):
            self.flow.computed.add((vertex, into[:1]))

    def record_names(self, sources: Iterable[Source], name: str) -> None:
        """Records the name that literals are assigned to."""
        for source in sources:
            if source.vertex[:2] == ("lit", self.expressions.key):
                self.reading.hints.setdefault(source.vertex[2], name)
        self.record_loose(sources)

    def record_loose(self, sources: Iterable[Source]) -> None:
        """Records literals of a sentence's length that go where their use is not known."""
        for source in sources:
            where = source.vertex[-1]
            if source.vertex[0] == "lit" and templates.word_count(self.reading.texts[where].text) >= sinks.WORDS:
                self.reading.loose.add(where)

    def add_sinks(self, sources: Iterable[Source], use: Use = "prompt") -> None:
        """Adds the sources as sinks with a use."""
        use = "elsewhere" if self._elsewhere and use in ("prompt", "inserted", "hinted") else use
        self.flow.sinks.extend((source, use) for source in self._guarded(sources))

    def _guarded(self, sources: Iterable[Source]) -> Iterable[Source]:
        return (source._replace(guards=(*source.guards, *self.guards)) for source in sources)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if isinstance(node.op, ast.Mod):
            self.add_sinks(self.sources(node.left), "percent")
        elif isinstance(node.op, ast.Add) and isinstance(node.right, ast.List):
            self.reading.beside.update(message_groups.added(node.right.elts, self.expressions))
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        for one in (node.left, *node.comparators):
            self.add_sinks(self.sources(one), "compared")
        self.generic_visit(node)

    def visit_Tuple(self, node: ast.Tuple) -> None:
        match node.elts:
            case [ast.Constant(value=str(role)), text] if role in _ROLES:
                self.add_sinks(self.sources(text))
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
            self.add_sinks(self.sources(pairs["description"]), "tool")
        for key, kind in _SCHEMA_KEYS.items():
            if isinstance(schema := pairs.get(key), ast.Dict) and "name" in pairs:
                self._schema({**items(schema), **pairs}, pairs["name"], kind)
        self._schema(pairs, pairs.get("title"), "schema")
        role = pairs.get("role")
        if "content" in pairs and (not isinstance(role, ast.Constant) or role.value in _ROLES) and role is not None:
            self.add_sinks(self.sources(pairs["content"]))
        for key, value in pairs.items():
            self.add_edges(("key", key), self.sources(value))
            self.record_computed(("key", key), value)
            if PROMPT_NAME.search(key):
                self.add_sinks(self.sources(value), "hinted")
        for value in node.values:
            self.visit(value)

    def _schema(self, pairs: Mapping[str, ast.expr], title: ast.expr | None, kind: Kind) -> None:
        """Records the descriptions of a JSON schema that is written out, and of its properties."""
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
        before = self.in_return, self._elsewhere
        if sinks.calls_model(node, self.expressions) or last(node.func) == "Send":
            self.in_return = False
        for argument, use in sinks.of_call(node, self.expressions):
            self.add_sinks(self.sources(argument), self._reported(node, argument, use))
        self.record_loose(self.sources(sinks.answer(node, self.expressions)))
        if isinstance(node.func, ast.Attribute):
            self._method(node.func.value, node.func.attr, node)
        self._elsewhere = self._elsewhere or sinks.is_elsewhere(node, self.expressions)
        if self._elsewhere:
            for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                self.add_sinks(self.sources(argument), "elsewhere")
        else:
            self._link(node)
        self.generic_visit(node)
        self.in_return, self._elsewhere = before

    def _link(self, node: ast.Call) -> None:
        """Links a call to the code that it runs, if that is read, or else to what its name says."""
        name = last(node.func)
        target = self.expressions.resolve(node.func)
        if type(target) is FunctionType:
            self._called(node, 0, target.__code__, target)
            if not functions.own(target):
                self._unread(node, "")
        elif issubclass(type(target), type) and classes.own(target):
            self._made(node, target)
        elif isinstance(node.func, ast.Name) and (inner := self.expressions.inner.get(name)) is not None:
            for parameter, value in zip(inner.args.args, node.args, strict=False):
                self.add_edges(self.expressions.variable(parameter.arg), self.sources(value))
        else:
            self._unread(node, name if isinstance(node.func, ast.Attribute) and target is MISSING else "")

    def _reported(self, node: ast.Call, text: ast.expr, use: Use) -> Use:
        """The use of a message's text: a returned one goes into the state, and one with a name is an agent's result."""
        if not (self.in_return and use == "prompt" and sinks.is_message(node, self.expressions)):
            return use
        if any(keyword.arg == "name" for keyword in node.keywords):
            self.reading.outputs.update(source.vertex[2] for source in self.sources(text) if source.vertex[0] == "lit")
        return use if "System" in chain(node.func) else "reported"

    def _unread(self, node: ast.Call, method: str) -> None:
        """A call of code that is not read, or of a method of which only the name is known."""
        if method:
            self.flow.method_calls.append(
                (method, partial(self._called, node, 1), partial(self._unknown_method, method, node))
            )
        for keyword in node.keywords:
            if keyword.arg is not None and PROMPT_NAME.search(keyword.arg):
                sources = list(self.sources(keyword.value))
                self.record_names(sources, keyword.arg)
                use = sinks.named(node, keyword.arg, self.expressions)
                for other in self._uses(node.func, keyword.arg):
                    self.add_sinks(sources, other)
                if use is not None:
                    self.flow.hints.extend((method, source, use) for source in self._guarded(sources))

    def _method(self, receiver: ast.expr, name: str, node: ast.Call) -> None:
        if name in ("format", "format_map"):
            self.add_sinks(self.sources(receiver), "format")
        elif name == "replace" and node.args:
            written = node.args[0]
            token = written.value if isinstance(written, ast.Constant) else self.expressions.resolve(written)
            if not isinstance(token, str):  # it is computed, such as "{" + key + "}"
                self.add_sinks(self.sources(receiver), "opaque")
            elif _TOKEN.fullmatch(token):
                self.add_sinks(self.sources(receiver), Kept(token))
        elif name in ("append", "insert", "add") and node.args:
            self.reading.beside.update(message_groups.added(node.args[-1:], self.expressions))
            sources = self.sources(node.args[-1])
            collected = [one.chosen("collected") if one.choice == "always" else one for one in sources]
            self.assign(receiver, collected, (ANY,))
        elif name in ("extend", "update") and node.args:
            self.assign(receiver, list(self.sources(node.args[-1])))
        elif name in _COMPARISONS:
            for argument in node.args:
                self.add_sinks(self.sources(argument), "compared")

    def _unknown_method(self, name: str, node: ast.Call) -> None:
        """A call of a method that no class that was read has."""
        if name in _HARMLESS:
            return
        self.add_edges(self.expressions.call(node), self.expressions.passed(node))
        for keyword in node.keywords:
            if keyword.arg is not None and PROMPT_NAME.search(keyword.arg):
                self.add_sinks(self.sources(keyword.value), "opaque")

    def _uses(self, function: ast.expr, argument: str) -> Iterator[Use]:
        """How code that is not the user's uses an argument that is named like a prompt."""
        target = self.expressions.resolve(function)
        if template_engines.framework(target):
            yield from whole_uses(self.flow.library_uses(target, argument)) - {"tools", "tool"}
        elif self.expressions.unknown(function) and not isinstance(function, ast.Attribute):
            yield "opaque"

    def _called(self, node: ast.Call, skip: int, target: CodeType, function: FunctionType | None = None) -> None:
        """A call of a function that may be read as well: its result, and the arguments of its parameters."""
        result = self.expressions.call(node)
        self.flow.edges[result].append(Source(("ret", id(target))))
        names = parameters(target)
        given = dict(zip(names[skip:], node.args, strict=False))
        given |= keywords(node)
        for parameter, argument in given.items():
            vertex = ("var", id(target), parameter)
            self.add_edges(vertex, self.sources(argument))
            self.record_computed(vertex, argument)
        for parameter in names[skip:]:
            known = parameter in given
            key = self.expressions.key_of(given[parameter]) if known else self._default(target, parameter, function)
            self.flow.constants[Given(id(target), parameter)].add(key)

    def _made(self, node: ast.Call, cls: type) -> None:
        """A call of a class of the user's: the arguments of its constructor, or the values of its fields."""
        own = vars(cls).get("__init__")
        names = tuple(_fields(cls))
        if type(own) is FunctionType and functions.own(own):
            self._called(node, 1, own.__code__, own)
        elif names:
            for name, value in {**dict(zip(names, node.args, strict=False)), **keywords(node)}.items():
                self.add_edges(("attr", name), self.sources(value))
                self.record_names(list(self.sources(value)), name)
        else:
            self._unread(node, "")

    def _default(self, target: CodeType, parameter: str, function: FunctionType | None) -> Hashable:
        """The constant default of a parameter; `ANY` if it has none, or another object."""
        reading = self.flow.readings.get(id(target))
        function = reading.function if function is None and reading is not None else function
        if function is None:
            return ANY
        names = target.co_varnames[: target.co_argcount]
        defaults = dict(zip(reversed(names), reversed(function.__defaults__ or ()), strict=False))
        default = {**defaults, **(function.__kwdefaults__ or {})}.get(parameter, ANY)
        return default if type(default) in (str, int, bool) else ANY


def _fields(cls: type) -> Iterable[str]:
    """The fields of a dataclass or pydantic model, in order."""
    if dataclasses.is_dataclass(cls):
        return (field.name for field in dataclasses.fields(cls))
    return cls.__pydantic_fields__ if issubclass(cls, BaseModel) else ()
