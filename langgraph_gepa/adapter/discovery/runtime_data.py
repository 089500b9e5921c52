"""Tells texts that a graph collected when it ran, such as conversations and results, from those of its source."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from langgraph_gepa.adapter.isolation.mutable_state import State, Written
from langgraph_gepa.adapter.isolation.references import CONTAINERS
from langgraph_gepa.adapter.objects import ABSENT, Step, definitions, functions, ownership, source_code
from langgraph_gepa.adapter.objects.place import Place, PlaceKey
from langgraph_gepa.adapter.objects.walk import Walk

_TEXTS = ("literal", "doc", "described", "file")
"""Kinds of source locations that are a text itself, rather than a name or an object that has it."""
Expression = tuple[ast.expr, dict[str, Any]]
"""An expression, and the names that it is written with."""


class RuntimeData:
    """Tells whether a text was there when the program was loaded, or came with a run.

    At a location that functions write to, the value that the source starts with counts as the program's, and so does
    what is made once from nothing but the source. What came with a run, such as the messages of users, is no prompt.
    """

    def __init__(self, walk: Walk, root: Any, state: State) -> None:
        made = {key for one in state.written if one.made_once for key in _place_keys(walk, one)}
        changing = [one for one in state.written if not one.made_once]
        initial = {one: list(_initial_values(walk, one)) for one in changing}
        started = {key for one, found in initial.items() if found for key in _place_keys(walk, one)}
        empty = {key for one in changing for key in _place_keys(walk, one)} - started
        self._texts = {text for found in initial.values() for value in found for text in _source_texts(*value)}
        self._written = made | started | empty
        self._loaded = _reached(walk, root, self._written)
        self._made_once = _reached(walk, root, started | empty)
        self._started = _reached(walk, root, empty)

    def is_loaded(self, place: Place) -> bool:
        """Whether a text was there before the graph ran, at a location that nothing writes to."""
        return place.key in self._loaded

    def is_source(self, place: Place, location: definitions.SourceLocation) -> bool:
        """Whether a text that is not loaded is one of the source all the same."""
        if place.key in self._made_once and place.key not in self._written:
            return isinstance(location.key, tuple) and location.key[0] in _TEXTS
        return place.key in self._started and any(definitions.matches(text, place.text) for text in self._texts)


def emptied(walk: Walk, state: State, feeding: Callable[[Written], Iterable[Sequence[Place]]]) -> Iterator[Written]:
    """Yields what is written to, emptied where a bound graph must make it again: where it was made of texts that it
    does not hold themselves, because they were filled in or joined.

    `feeding` gives the places of each text that leads to a location.
    """
    for one in state.written:
        content = [part for part in _content(walk, one) if part is not None]
        held = {key for part in content if id(part) in walk.nodes for key in _reached(walk, part, set()).owners}
        filled = one.length is not None and any(True for _ in _initial_values(walk, one))
        fed = list(feeding(one)) if one.steady and content and not filled else []
        kept = any(all(place.from_run for place in places) and _holds(one, held, places) for places in fed)
        if kept or all(_holds(one, held, places) for places in fed):
            yield one
        elif one.length is not None:
            yield replace(one, length=0)
        else:
            yield replace(one, begins=_initial_value(walk, one))


def _content(walk: Walk, one: Written) -> list[Any]:
    keys = set(_place_keys(walk, one))
    owners = {owner for owner, _ in keys}
    return [part for owner in owners for step, part in walk.nodes[owner].parts if (owner, step) in keys]


def _holds(one: Written, held: set[int], places: Sequence[Place]) -> bool:
    return any(place.owner in held or place.key in one.steps for place in places)


def _initial_value(walk: Walk, one: Written) -> Any:
    """The value that the source starts with: one without content, or `ABSENT`."""
    for key, step in one.steps:
        for node, names in _assigned(walk, key, step):
            if isinstance(node, ast.Name):
                return names.get(node.id, ABSENT)
            with suppress(ValueError):
                return ast.literal_eval(node)
    return ABSENT


@dataclass(frozen=True, slots=True)
class _Reached:
    """The places in the objects `owners` that are reached from a root without passing through `cut`."""

    owners: set[int]
    cut: set[PlaceKey]

    def __contains__(self, key: PlaceKey) -> bool:
        return key[0] in self.owners and key not in self.cut


def _reached(walk: Walk, root: Any, cut: set[PlaceKey]) -> _Reached:
    owners, todo = set[int](), [id(root)]
    while todo:
        key = todo.pop()
        if key not in owners:
            owners.add(key)
            todo += [part for step, part in walk.held(key) if (key, step) not in cut]
    return _Reached(owners, cut)


def _place_keys(walk: Walk, one: Written) -> Iterator[PlaceKey]:
    """The places in the walk that hold what is written."""
    yield from one.steps
    for key in one.copied:
        if issubclass(type(walk.nodes[key].value), CONTAINERS):
            yield from ((key, step) for step, _ in walk.nodes[key].parts)


def _initial_values(walk: Walk, one: Written) -> Iterator[Expression]:
    """The values with content that the source first assigns to a location."""
    named = set(one.steps)
    for key in one.copied:
        if issubclass(type(walk.nodes[key].value), CONTAINERS):
            named.update(walk.holders[key])
    for key, step in named:
        yield from (found for found in _assigned(walk, key, step) if not _is_empty(*found))


def _assigned(walk: Walk, key: int, step: Step) -> Iterator[Expression]:
    value: Any = walk.nodes[key].value
    match step:
        case ("global" | "import" | "closure", *_, str(name)):
            names = functions.namespace(value, step)
            if (found := definitions.assigned_value(names, name)) is not None:
                yield found[1], names
        case ("member" | "attr" | "private", str(name)):
            yield from definitions.initial_values(value if issubclass(type(value), type) else type(value), name)
        case ("default" | "kwdefault", which) if (default := definitions.default_of(value, which)) is not None:
            yield default, value.__globals__
        case ("content",):
            for holder, (_, variable) in walk.holders[key]:
                yield from _assigned_outside(walk.nodes[holder].value, str(variable))


def _assigned_outside(function: FunctionType, name: str) -> Iterator[Expression]:
    """The values that the functions around a function assign to a variable it shares with them."""
    file, line = source_code.file(function.__code__.co_filename), function.__code__.co_firstlineno
    for sources in () if file is None else file.functions.values():
        for node in (source.node for source in sources):
            if node.lineno < line <= (node.end_lineno or line) and not isinstance(node, ast.Lambda):
                for statement in node.body:
                    if (written := definitions.assigned(statement, name)) is not None:
                        yield written, function.__globals__


def _is_empty(node: ast.expr, names: dict[str, Any]) -> bool:
    """Whether an expression gives a value without content: `None`, `[]`, `deque(maxlen=9)`, `defaultdict(list)`."""
    for inner in source_code.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str) and inner.value:
            return False
        if isinstance(inner, ast.Name):
            value = names.get(inner.id, getattr(builtins, inner.id, None))
            if not issubclass(type(value), ModuleType) and not _is_from_library(value):
                return False
    return True


def _source_texts(node: ast.AST, names: dict[str, Any]) -> set[str]:
    """The texts that an expression is made from, through the names and functions it mentions."""
    found, seen = set[str](), set[str]()
    todo: list[ast.AST] = [node]
    while todo:
        for inner in source_code.walk(todo.pop()):
            if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                found.add(inner.value)
            elif isinstance(inner, ast.Name) and inner.id not in seen:
                seen.add(inner.id)
                value = names.get(inner.id)
                source = source_code.source(value.__code__) if type(value) is FunctionType else None
                written = definitions.assigned_value(names, inner.id) if source is None else None
                todo += [source.node] if source is not None else [] if written is None else [written[1]]
    return found


def _is_from_library(value: Any) -> bool:
    """Whether a value is a function or class that is not the user's."""
    kinds = type | FunctionType | BuiltinFunctionType
    return issubclass(type(value), kinds) and not ownership.own(value.__module__)
