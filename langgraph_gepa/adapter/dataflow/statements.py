"""Reads the statements of a function into edges: assignments, results, loops and branches."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from types import FunctionType

from typing_extensions import override

from langgraph_gepa.adapter.dataflow import guards, message_groups, sinks
from langgraph_gepa.adapter.dataflow.calls import Calls
from langgraph_gepa.adapter.dataflow.expressions import constant
from langgraph_gepa.adapter.dataflow.flow import ANY, Flow, Given, Guard, Path, Reading, Source, Vertex
from langgraph_gepa.adapter.dataflow.syntax_nodes import annotated_types, field_descriptions, last
from langgraph_gepa.adapter.dataflow.uses import PROMPT_NAME, Choice
from langgraph_gepa.adapter.objects import source_code


def read(flow: Flow, function: FunctionType) -> None:
    """Adds a function's edges and sinks to the flow, unless it has been read or its source is not known.

    Functions made by one factory share their code and differ in what they enclose.
    """
    for name, held in source_code.enclosed(function):
        flow.constants[Given(id(function.__code__), name)].add(constant(held))
    if id(function.__code__) in flow.readings:
        return
    found = source_code.source(function.__code__)
    if found is None:
        return
    reading = Reading(function, found.node)
    flow.readings[id(function.__code__)] = reading
    if found.owner is not None:
        flow.methods[function.__name__].append(function.__code__)
    _Reader(flow, reading).read()


class _Reader(Calls, ast.NodeVisitor):
    def __init__(self, flow: Flow, reading: Reading) -> None:
        super().__init__(flow, reading)
        self.scope = [reading.node]

    def read(self) -> None:
        node = self.reading.node
        returned: Vertex = ("ret", id(self.reading.function.__code__))
        required = _required(self.reading.function)
        self.flow.required |= {self.expressions.variable(name) for name in required if name in self.expressions.given}
        if isinstance(node, ast.Lambda):
            self.add_edges(returned, self.sources(node.body))
            self.visit(node.body)
        else:
            self._block(node.body)
            if PROMPT_NAME.search(node.name):
                self.flow.sinks.append((Source(returned), "hinted"))

    # branches

    def _block(self, body: Sequence[ast.stmt]) -> None:
        """Visits statements in order; those after a branch that leaves are guarded by its opposite."""
        before = self.guards
        for statement in body:
            self.visit(statement)
            if isinstance(statement, ast.If) and guards.leaves(statement.body) and not statement.orelse:
                self.guards = (*self.guards, *guards.opposite(self._conditions(statement.test)))
        self.guards = before

    def _conditions(self, test: ast.expr) -> tuple[Guard, ...]:
        return guards.of_test(test, self.expressions.key, self._parameters())

    def _parameters(self) -> Sequence[str]:
        """The parameters that guards may be about: those of the function itself, not of one inside it."""
        return self.expressions.parameters if self.scope[-1] is self.reading.node else ()

    def _guarded_block(self, held: tuple[Guard, ...], body: Sequence[ast.stmt]) -> None:
        before, self.guards = self.guards, (*self.guards, *held)
        self._block(body)
        self.guards = before

    def visit_If(self, node: ast.If) -> None:
        held = self._conditions(node.test)
        self.visit(node.test)
        self._guarded_block(held, node.body)
        self._guarded_block(guards.opposite(held), node.orelse)

    def visit_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        for case in node.cases:
            for pattern in ast.walk(case.pattern):
                if isinstance(pattern, ast.MatchValue):
                    self.add_sinks(self.sources(pattern.value), "compared")
            held = guards.of_case(node.subject, case, self.expressions.key, self._parameters())
            self._guarded_block(held, case.body)

    # assignments

    @override
    def assign(self, target: ast.expr, sources: list[Source], into: Path = ()) -> None:
        match target:
            case ast.Name(id=name):
                self.add_edges(self.expressions.variable(name), sources, into)
                self.record_names(sources, name)
            case ast.Attribute(attr=name):
                self.add_edges(("attr", name), sources, into)
                self.record_names(sources, name)
            case ast.Subscript(value=base, slice=key):
                under = self.expressions.key_of(key)
                self.assign(base, sources, (under, *into))
                if isinstance(under, str):
                    self.add_edges(("key", under), sources, into)
                    if PROMPT_NAME.search(under):
                        self.add_sinks(sources)
            case ast.Tuple(elts=several) | ast.List(elts=several):
                for one in several:
                    self.assign(one, sources, into)
            case ast.Starred(value=one):
                self.assign(one, sources, into)

    def _unpack(self, target: ast.expr, value: ast.expr) -> None:
        """Assigns `a, b = x, y` in pairs; any other value may give each target any of its items."""
        if isinstance(target, ast.Tuple | ast.List):
            if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
                for one, other in zip(target.elts, value.elts, strict=True):
                    self._unpack(one, other)
            else:
                self.assign(target, list(self.expressions.elements(value)))
        else:
            self.assign(target, list(self.sources(value)))
            self._assigned(target, value)

    def _assigned(self, target: ast.expr, value: ast.expr) -> None:
        """Records what else the target may hold."""
        match target:
            case ast.Name(id=name):
                self.record_computed(vertex := self.expressions.variable(name), value)
                self.flow.assignments[vertex] += any(True for _ in self.sources(value))
            case ast.Attribute(attr=name):
                self.record_computed(("attr", name), value)
            case ast.Subscript(slice=ast.Constant(value=str(key))):
                self.record_computed(("key", key), value)

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._unpack(target, node.value)
        before = self._elsewhere
        self._elsewhere = before or (isinstance(node.value, ast.Dict | ast.List) and self._is_sent(node.targets))
        self.generic_visit(node)
        self._elsewhere = before

    def _is_sent(self, targets: Sequence[ast.expr]) -> bool:
        """Whether variables are only used in calls of services other than the graph's models."""
        names = {target.id for target in targets if isinstance(target, ast.Name)}
        sent: set[int] = set()
        for node in self.expressions.nodes:
            if isinstance(node, ast.Call) and sinks.is_elsewhere(node, self.expressions):
                sent |= {id(inner) for inner in source_code.walk(node) if isinstance(inner, ast.Name)}
        used = [
            id(node)
            for node in self.expressions.nodes
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names
        ]
        return bool(used) and len(names) == len(targets) and sent.issuperset(used)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._unpack(node.target, node.value)
            self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.value, ast.List):
            self.reading.beside.update(message_groups.added(node.value.elts, self.expressions))
        self.assign(node.target, list(self.sources(node.value)))
        self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self._unpack(node.target, node.value)
        self.generic_visit(node)

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        picks = any(isinstance(inner, _PICKS) for statement in node.body for inner in ast.walk(statement))
        self._iterate(node.target, node.iter, "pick" if picks else "always")
        self.visit(node.iter)
        self._block(node.body)
        self._block(node.orelse)

    visit_AsyncFor = visit_For  # noqa: N815  # the name ast.NodeVisitor looks for

    def visit_withitem(self, node: ast.withitem) -> None:
        if node.optional_vars is not None:
            self._unpack(node.optional_vars, node.context_expr)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self._iterate(node.target, node.iter, "pick" if node.ifs else "always")
        self.generic_visit(node)

    def _iterate(self, target: ast.expr, iterated: ast.expr, choice: Choice) -> None:
        elements = list(self.expressions.elements(iterated, choice))
        self.assign(target, elements)
        if isinstance(target, ast.Tuple) and not _paired(iterated):
            self.assign(target, [source.part(ANY) for source in elements])

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Reads an inner function, which shares the variables of this one; its docstring is no text."""
        self.scope.append(node)
        self._block(node.body)
        self.scope.pop()

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Reads a class in the function: given to a model, it describes itself and the classes its fields name."""
        vertex = self.expressions.variable(node.name)
        for statement in node.body:
            match statement:
                case ast.Expr(value=ast.Constant() as written) if statement is node.body[0]:
                    self._describes(vertex, written, node.name)
                case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                    for used in annotated_types(annotation):
                        self.add_edges(vertex, self.sources(used))
                    for text in field_descriptions(annotation, value):
                        self._describes(vertex, text, f"{node.name}.{name}")
                case _:
                    self.visit(statement)

    def _describes(self, vertex: Vertex, text: ast.expr, name: str) -> None:
        sources = list(self.sources(text))
        self.add_edges(vertex, sources)
        for source in sources:
            if source.vertex[0] == "lit":
                self.reading.described[source.vertex[2]] = ("schema", name)

    def visit_Return(self, node: ast.Return) -> None:
        inner = self.scope[-1]
        sources = list(self.sources(node.value))
        if inner is self.reading.node:
            self.add_edges(returned := ("ret", self.expressions.key), sources)
            self.record_computed(returned, node.value)
            self.flow.assignments[returned] += bool(sources)
        elif isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
            self.add_edges(self.expressions.variable(f"{inner.name}()"), sources)
        if node.value is not None:
            self.record_loose(sources)
            before, self.in_return = self.in_return, True
            self.visit(node.value)
            self.in_return = before

    def visit_Yield(self, node: ast.Yield) -> None:
        """Adds what is yielded as an item of the generator and as the whole of a context manager."""
        sources = list(self.sources(node.value))
        for into in ((), (ANY,)):
            self.add_edges(("ret", self.expressions.key), sources, into)
        self.record_loose(sources)
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        """Skips texts for people."""

    def visit_Assert(self, node: ast.Assert) -> None:
        """Skips texts for people."""

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.visit(node.value)


_PICKS = (ast.Return, ast.Break, ast.If)
"""Statements by which a loop over texts picks some of them."""


def _required(function: FunctionType) -> Iterator[str]:
    """The parameters without a default."""
    compiled = function.__code__
    defaults = len(function.__defaults__ or ())
    yield from compiled.co_varnames[: max(0, compiled.co_argcount - defaults)]
    for name in compiled.co_varnames[compiled.co_argcount : compiled.co_argcount + compiled.co_kwonlyargcount]:
        if name not in (function.__kwdefaults__ or {}):
            yield name


def _paired(node: ast.expr) -> bool:
    """Whether an iterable gives pairs, of which the analysis keeps only the texts."""
    return isinstance(node, ast.Call) and last(node.func) in ("items", "enumerate", "zip")
