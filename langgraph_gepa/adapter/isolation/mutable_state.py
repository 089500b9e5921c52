"""The mutable state of a graph's functions, of which copies of the graph get their own.

A bound graph gets its own copy of what functions that use a text write: a chain that is made on first use and kept in a
global would otherwise carry one candidate's text to all others. A rollout gets its own copy of everything that is
written, so that concurrent rollouts do not affect each other.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator, Mapping
from dataclasses import dataclass, replace
from types import CellType, FunctionType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from langchain_core.chat_history import BaseChatMessageHistory
from pydantic import BaseModel

from langgraph_gepa.adapter.isolation.references import CONTAINERS
from langgraph_gepa.adapter.isolation.variables import ITEM
from langgraph_gepa.adapter.isolation.writes import Location, locations
from langgraph_gepa.adapter.objects import ABSENT, Step, functions, imports, ownership
from langgraph_gepa.adapter.objects.walk import Walk

SURVEYED: Any = object()
"""Stands for what a location held when the graph was surveyed."""


@dataclass(frozen=True, slots=True)
class Written:
    """A location that functions write to, by the ids of objects.

    - `copied`: the objects that must be copied: the holder, or all functions that use a name of a module.
    - `writers`: the functions that write to it, and their classes.
    - `steps`: where the objects hold what is written, unless they are containers; `length`: the length of a container.
    - `is_name`: whether it is a global name of a module.
    - `made_once`: whether it is made when missing, from nothing that differs between runs.
    - `steady`: whether it is the same in every run once it exists.
    - `outlet`: whether functions of a closure only write it, for the code that made the closure, such as a test that
      counts calls.
    - `words`: how it is written, for messages; `begins`: what a copy starts with.
    """

    copied: frozenset[int]
    writers: frozenset[int] = frozenset()
    steps: frozenset[tuple[int, Step]] = frozenset()
    is_name: bool = False
    made_once: bool = False
    steady: bool = False
    outlet: bool = False
    length: int | None = None
    words: str = ""
    begins: Any = SURVEYED

    def among(self, copies: Mapping[int, Any]) -> Written:
        """The same location in a graph in which objects are replaced by copies."""

        def new(key: int) -> int:
            return id(copies[key]) if key in copies else key

        return replace(
            self,
            copied=frozenset(map(new, self.copied)),
            writers=frozenset(map(new, self.writers)),
            steps=frozenset((new(key), step) for key, step in self.steps),
            begins=SURVEYED,
        )


@dataclass(frozen=True, slots=True)
class State:
    """What the functions of a graph write to. `shared` describes what cannot be copied."""

    written: tuple[Written, ...] = ()
    shared: tuple[str, ...] = ()

    def within(self, walk: Walk) -> State:
        """The part of it that is in a walk, since a copy may hold less than the original graph."""
        return replace(self, written=tuple(one for one in self.written if one.copied <= walk.nodes.keys()))

    def own(self, keys: Collection[int], walk: Walk) -> set[int]:
        """`keys` and what else must be copied, so that the copies write to nothing of the original."""
        found = set(keys)
        todo = [one for one in self.written if not one.outlet]
        while due := [one for one in todo if not found.isdisjoint(one.writers)]:
            todo = [one for one in todo if found.isdisjoint(one.writers)]
            found |= walk.above({key for one in due for key in one.copied})
        return found

    def leading(self, leads: Container[int], walk: Walk) -> set[int]:
        """What must be copied, so that a copy does not share what the functions `leads` write to."""
        fed = (one for one in self.written if not one.outlet and any(writer in leads for writer in one.writers))
        return walk.above({key for one in fed for key in one.copied})

    def changing(self, walk: Walk) -> set[int]:
        """What must be copied for a rollout, so that it writes to nothing of others except what is made once."""
        changing = (one for one in self.written if not one.made_once and not one.outlet)
        return self.own(walk.above({key for one in changing for key in one.copied}), walk)

    def held(self, keys: Collection[int], walk: Walk) -> dict[tuple[int, Step], Any]:
        """What copies of the objects `keys` start with: what was written before the survey, whatever ran since."""
        found: dict[tuple[int, Step], Any] = {}
        for one in self.written:
            steps = [(key, step) for key, step in one.steps if key in keys]
            if not steps:
                continue
            held = _surveyed(walk, one) if one.begins is SURVEYED else one.begins
            if id(held) not in keys:
                found |= dict.fromkeys(steps, held)
        return found

    def lengths(self, keys: Collection[int]) -> dict[int, int]:
        """The lengths that copies of containers among `keys` start with."""
        return {key: one.length for one in self.written if one.length is not None for key in one.copied if key in keys}

    def namespaces(self, walk: Walk) -> set[int]:
        """The ids of the namespaces in which functions assign names when they run."""
        found = (walk.nodes[key].value for one in self.written if one.is_name for key in one.copied)
        return {id(function.__globals__) for function in found}

    def among(self, copies: Mapping[int, Any]) -> State:
        """The same state in a graph in which objects are replaced by copies."""
        return replace(self, written=tuple(one.among(copies) for one in self.written))


def _surveyed(walk: Walk, one: Written) -> Any:
    """What a location held at the time of the walk; a function that only writes a name does not hold its object."""
    parts = (dict(walk.nodes[key].parts).get(step, ABSENT) for key, step in one.steps)
    return next((held for held in parts if held is not ABSENT), ABSENT)


def state_of(walk: Walk, used: Container[int]) -> State:
    """What the functions that some node uses write to."""
    written, shared = list(_histories(walk)), []
    for location in locations(walk, used):
        one = _written(walk, location)
        if one is None or location.imported:
            shared += [location.words] if location.varies else []
        else:
            written.append(one)
    return State(tuple(written), tuple(dict.fromkeys(shared)))


def _written(walk: Walk, location: Location) -> Written | None:
    """The location by ids of objects of the walk; `None` if it cannot be copied."""
    holder, name = location.holder, location.name
    writers = {key for writer in location.writers for key in (writer, *_classes(walk, writer))}
    how: dict[str, Any] = {
        "writers": frozenset(writers),
        "made_once": location.made_once,
        "steady": location.tested and not location.varies,
        "words": location.words,
        "length": len(holder) if name == ITEM and issubclass(type(holder), CONTAINERS) else None,
    }
    if issubclass(type(holder), dict) and name != ITEM:
        assigning = (key for key in location.writers if walk.nodes[key].value.__globals__ is holder)
        steps = frozenset([*_users(walk, holder, name), *((key, ("global", name)) for key in assigning)])
        return Written(frozenset(key for key, _ in steps), steps=steps, is_name=True, **how)
    if id(holder) not in walk.nodes or hasattr(type(holder), "__del__"):
        return None
    outlet = not location.read and _is_in_closure(walk, holder)
    return Written(frozenset([id(holder)]), steps=frozenset(_steps(holder, name)), outlet=outlet, **how)


def _is_in_closure(walk: Walk, holder: Any) -> bool:
    """Whether an object is a variable of a closure, or is only held by such variables."""
    held = walk.holders[id(holder)]
    return type(holder) is CellType or (bool(held) and all(step == ("content",) for _, step in held))


def _steps(holder: Any, name: str) -> Iterator[tuple[int, Step]]:
    if issubclass(type(holder), CellType):
        yield id(holder), ("content",)
    elif issubclass(type(holder), type):
        yield id(holder), ("member", name)
    elif type(holder) is FunctionType:
        yield id(holder), ("dict", name)
    elif name != ITEM:
        private = issubclass(type(holder), BaseModel) and name in (holder.__pydantic_private__ or {})
        yield id(holder), ("private" if private else "attr", name)


def _classes(walk: Walk, function: int) -> Iterator[int]:
    """The classes that have a function as a method."""
    for holder, _ in walk.holders[function]:
        value = walk.nodes[holder].value
        if issubclass(type(value), type):
            yield holder
        elif functions.is_wrapper(value):
            yield from _classes(walk, holder)


def _users(walk: Walk, names: dict[str, Any], name: str) -> Iterator[tuple[int, Step]]:
    """The functions that use a name of a module, each with the step to it: `name` or `module.name`."""
    for key, node in walk.nodes.items():
        if type(node.value) is not FunctionType:
            continue
        if node.value.__globals__ is names and name in functions.mentioned_names(node.value.__code__):
            yield key, ("global", name)
        for path in functions.global_names(node.value.__code__):
            if name in path[1:] and _module(node.value.__globals__, path[: path.index(name, 1)]) is names:
                yield key, ("global", *path[: path.index(name, 1) + 1])
        for found in imports.lookups(node.value) if functions.own(node.value) else ():
            if found.names is names and found.name == name:
                yield key, found.step


def _module(names: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any] | None:
    for part in path:
        module: Any = names.get(part)
        if not issubclass(type(module), ModuleType):
            return None
        names = ownership.names_in(module)
    return names


def _histories(walk: Walk) -> Iterator[Written]:
    """Chat histories in memory, which LangChain writes to rather than a function of the user's."""
    for key, node in walk.nodes.items():
        if issubclass(type(node.value), BaseChatMessageHistory):
            held = (part for _, part in node.parts if issubclass(type(part), CONTAINERS))
            yield Written(frozenset({key, *map(id, held)} & walk.nodes.keys()))


_states: WeakKeyDictionary[Any, State] = WeakKeyDictionary()
"""The state of graphs that were surveyed, and of their copies."""


def remember(graph: Any, state: State) -> None:
    """Records the state of a graph."""
    if state.written or state.shared:
        _states[graph] = state


def known(graph: Any) -> State:
    """The recorded state of a graph; empty if there is none."""
    return _states.get(graph, _NONE)


_NONE = State()
