"""What a graph has gathered when it ran, as opposed to what its source writes down: conversations, results, chains."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from langgraph_gepa.adapter.isolation.mutable_state import State, Written
from langgraph_gepa.adapter.isolation.references import CONTAINERS
from langgraph_gepa.adapter.objects import ABSENT, Step, definitions, functions, ownership, source_code
from langgraph_gepa.adapter.objects.place import Place, PlaceKey
from langgraph_gepa.adapter.objects.walk import Walk

_WRITTEN = ("literal", "doc", "described", "file")
"""Places that are a text in the source, rather than a name or an object that has it."""


class Gathered:
    """Tells the texts of a walk by whether they were there when the program was loaded.

    Of what functions write to, what the source begins with counts as written down, and so does what is made once from
    nothing but the source. What came with a run, such as the messages of users, is nobody's prompt.
    """

    def __init__(self, walk: Walk, root: Any, state: State) -> None:
        made = {key for one in state.written if one.made_once for key in _place_keys(walk, one)}
        changing = [one for one in state.written if not one.made_once]
        beginnings = {one: list(_beginnings(walk, one)) for one in changing}
        begun = {key for one, found in beginnings.items() if found for key in _place_keys(walk, one)}
        empty = {key for one in changing for key in _place_keys(walk, one)} - begun
        self._texts = {text for found in beginnings.values() for node, names in found for text in _texts(node, names)}
        self._written = made | begun | empty
        self._loaded = _reached(walk, root, self._written)
        self._made = _reached(walk, root, begun | empty)
        self._begun = _reached(walk, root, empty)

    def is_loaded(self, place: Place) -> bool:
        """Whether a text was there before the graph ran."""
        return place.key in self._loaded

    def is_source(self, place: Place, location: definitions.SourceLocation) -> bool:
        """Whether a text that was not is one all the same that the source writes down."""
        if place.key in self._made and place.key not in self._written:
            return isinstance(location.key, tuple) and location.key[0] in _WRITTEN
        return place.key in self._begun and any(definitions.matches(text, place.text) for text in self._texts)


def anew(walk: Walk, state: State, feeding: Callable[[Written], Iterable[Sequence[Place]]]) -> Iterator[Written]:
    """What is written, with what is to be made again in a bound graph emptied: what was made of texts that do not
    stand in it, filled in or joined as they were. `feeding` gives the places of the texts that lead to a location."""
    for one in state.written:
        there = [part for part in _content(walk, one) if part is not None]
        held = {key for part in there if id(part) in walk.nodes for key in _reached(walk, part, set()).keys}
        filled = one.length is not None and any(True for _ in _beginnings(walk, one))
        fed = list(feeding(one)) if one.steady and there and not filled else []
        kept = any(all(place.gathered for place in places) and _meets(places, one, held) for places in fed)
        if kept or all(_meets(places, one, held) for places in fed):
            yield one
        elif one.length is not None:
            yield replace(one, length=0)
        else:
            yield replace(one, begins=_beginning(walk, one))


def _content(walk: Walk, one: Written) -> list[Any]:
    keys = set(_place_keys(walk, one))
    owners = {owner for owner, _ in keys}
    return [part for owner in owners for step, part in walk.nodes[owner].parts if (owner, step) in keys]


def _meets(places: Sequence[Place], one: Written, held: set[int]) -> bool:
    return any(place.owner in held or place.key in one.steps for place in places)


def _beginning(walk: Walk, one: Written) -> Any:
    """What the source begins with: something without content, or nothing."""
    for key, step in one.steps:
        for node, names in _assigned(walk, key, step):
            if isinstance(node, ast.Name):
                return names.get(node.id, ABSENT)
            with suppress(ValueError):
                return ast.literal_eval(node)
    return ABSENT


class _PlaceKeys:
    """The places that are reached from a root without passing through others."""

    def __init__(self, keys: set[int], cut: set[PlaceKey]) -> None:
        self.keys = keys
        self._cut = cut

    def __contains__(self, key: PlaceKey) -> bool:
        return key[0] in self.keys and key not in self._cut


def _reached(walk: Walk, root: Any, cut: set[PlaceKey]) -> _PlaceKeys:
    met, todo = set[int](), [id(root)]
    while todo:
        key = todo.pop()
        if key not in met:
            met.add(key)
            todo += [part for step, part in walk.held(key) if (key, step) not in cut]
    return _PlaceKeys(met, cut)


def _place_keys(walk: Walk, one: Written) -> Iterator[PlaceKey]:
    """Where the walk meets what is written."""
    yield from one.steps
    for key in one.copied:
        if issubclass(type(walk.nodes[key].value), CONTAINERS):
            yield from ((key, step) for step, _ in walk.nodes[key].parts)


def _beginnings(walk: Walk, one: Written) -> Iterator[tuple[ast.expr, dict[str, Any]]]:
    """What the source first puts there, where that is more than nothing, with the names it is written with."""
    named = set(one.steps)
    for key in one.copied:
        if issubclass(type(walk.nodes[key].value), CONTAINERS):
            named.update(walk.holders[key])
    for key, step in named:
        yield from (found for found in _assigned(walk, key, step) if not _is_empty(*found))


def _assigned(walk: Walk, key: int, step: Step) -> Iterator[tuple[ast.expr, dict[str, Any]]]:
    value: Any = walk.nodes[key].value
    match step:
        case ("global" | "import" | "closure", *_, str(name)):
            names = functions.namespace(value, step)
            if (found := definitions.assigned_value(names, name)) is not None:
                yield found[1], names
        case ("member" | "attr" | "private", str(name)):
            yield from definitions.initial_values(value if issubclass(type(value), type) else type(value), name)
        case ("default" | "kwdefault", which) if (source := source_code.source(value.__code__)) is not None:
            given = source.node.args
            named = {one.arg: default for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)}
            default = given.defaults[which] if isinstance(which, int) else named.get(str(which))
            if default is not None:
                yield default, value.__globals__
        case ("content",):
            for holder, (_, variable) in walk.holders[key]:
                yield from _outer(walk.nodes[holder].value, str(variable))


def _outer(function: FunctionType, name: str) -> Iterator[tuple[ast.expr, dict[str, Any]]]:
    """What the functions around a function assign to a variable that it shares with them."""
    file, line = source_code.file(function.__code__.co_filename), function.__code__.co_firstlineno
    for sources in () if file is None else file.functions.values():
        for node in (source.node for source in sources):
            if node.lineno < line <= (node.end_lineno or line) and not isinstance(node, ast.Lambda):
                for statement in node.body:
                    if (written := definitions.assigned(statement, name)) is not None:
                        yield written, function.__globals__


def _is_empty(node: ast.expr, names: dict[str, Any]) -> bool:
    """Whether an expression makes something without content: `None`, `[]`, `deque(maxlen=9)`, `defaultdict(list)`."""
    for inner in source_code.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str) and inner.value:
            return False
        if isinstance(inner, ast.Name):
            value = names.get(inner.id, getattr(builtins, inner.id, None))
            if not issubclass(type(value), ModuleType) and not _of_a_library(value):
                return False
    return True


def _texts(node: ast.AST, names: dict[str, Any]) -> set[str]:
    """The texts an expression is made from, through the names and functions it mentions."""
    found, met = set[str](), set[str]()
    todo: list[ast.AST] = [node]
    while todo:
        for inner in source_code.walk(todo.pop()):
            if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                found.add(inner.value)
            elif isinstance(inner, ast.Name) and inner.id not in met:
                met.add(inner.id)
                value = names.get(inner.id)
                source = source_code.source(value.__code__) if type(value) is FunctionType else None
                written = definitions.assigned_value(names, inner.id) if source is None else None
                todo += [source.node] if source is not None else [] if written is None else [written[1]]
    return found


def _of_a_library(value: Any) -> bool:
    """Whether it is a function or class that is not the user's."""
    kinds = type | FunctionType | BuiltinFunctionType
    return issubclass(type(value), kinds) and not ownership.own(value.__module__)
