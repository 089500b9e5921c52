"""Finds what a graph's functions write to that outlives a call, and whether that is read, tested and made once."""

from __future__ import annotations

import ast
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import FunctionType, MethodType, ModuleType
from typing import Any

from langgraph_gepa.adapter.isolation import accesses
from langgraph_gepa.adapter.isolation.accesses import Write
from langgraph_gepa.adapter.isolation.references import CONTAINERS, Program, bound
from langgraph_gepa.adapter.isolation.variables import CALLED, ITEM, Ref
from langgraph_gepa.adapter.objects import classes, functions, imports, ownership
from langgraph_gepa.adapter.objects.walk import Walk


@dataclass(slots=True)
class Location:
    """An attribute of an object, a name in a module (`holder` is its namespace), the content of a cell, or, with the
    name `ITEM`, the items of a container.

    - `words`: how one function writes to it, for messages; `writers`: the ids of all that do.
    - `read`: whether functions read what was written; `tested`: whether they test that it exists.
    - `made_once`: whether it is made when missing, from nothing that differs between runs: a client, a chain, an index.
    - `varies`: whether it is written from something that differs between runs.
    - `imported`: whether it belongs to a library that a function imports when it runs.
    """

    holder: Any
    name: str
    words: str
    writers: set[int] = field(default_factory=set)
    read: bool = False
    tested: bool = False
    made_once: bool = True
    varies: bool = False
    imported: bool = False

    @property
    def key(self) -> tuple[int, str]:
        """The id of the holder, and the name."""
        return id(self.holder), self.name


def locations(walk: Walk, used: Container[int]) -> list[Location]:
    """Everything that outlives a call and that functions used by some node write to."""
    running = [
        node.value
        for key, node in walk.nodes.items()
        if key in used and type(node.value) is FunctionType and functions.own(node.value)
    ]
    program = Program(running, _receivers(walk))
    written = {key: set(accesses.written(body)) for key, body in program.functions.items()}
    _pass_on(program, written)
    changing = _changing(written)
    found: dict[tuple[int, str], Location] = {}
    for key, writes in written.items():
        for write in writes:
            for holder, name in _targets(program, write):
                location = found.setdefault((id(holder), name), Location(holder, name, _words(program, write)))
                location.writers.add(key)
                location.made_once &= write.made_from is not None and changing.isdisjoint(write.made_from)
                location.varies |= write.varies
                location.imported |= write.ref[1] == "imported" and not _of_the_project(program, write.ref)
    tested, read = (
        {one for body in program.functions.values() for ref in find(body) for one in _seen(program, ref)}
        for find in (accesses.tested, accesses.read)
    )
    for location in found.values():
        keys = {location.key, (id(location.holder), "__dict__")}
        location.tested = not tested.isdisjoint(keys)
        location.made_once &= location.tested
        location.read = not read.isdisjoint(keys) or _may_be_read(location.holder)
    return list(found.values())


def _may_be_read(holder: Any) -> bool:
    """Whether LangChain's code may read an object, as it is of one of its classes."""
    return any(ownership.framework(base.__module__) for base in type(holder).__mro__)


def _words(program: Program, write: Write) -> str:
    """A write in words: `cache[...] in answer`."""
    path = ".".join(str(part) for part in write.ref[2:]).replace(".[]", "[...]").replace(".()", "()")
    return f"{path} in {program.functions[write.ref[0]].function.__qualname__}"


def _changing(written: Mapping[int, set[Write]]) -> set[str]:
    """The names under which functions keep something that differs from run to run."""
    found: set[str] = set()
    known = -1
    while known != len(found):
        known = len(found)
        for writes in written.values():
            for write in writes:
                if write.made_from is None or not found.isdisjoint(write.made_from):
                    found.update(write.ref[3:] if write.ref[1] == "parameter" else write.ref[2:])
        found -= {ITEM, CALLED}
    return found


def _receivers(walk: Walk) -> dict[int, list[Any]]:
    """The objects that methods may be called on, by the id of the function: instances, or classes for class methods."""
    found: dict[int, list[Any]] = {}
    for node in walk.nodes.values():
        value = node.value
        if issubclass(type(value), MethodType):
            found.setdefault(id(value.__func__), []).append(value.__self__)
        methods = list(_methods(walk, type(value), of_class=False))
        if issubclass(type(value), type):
            methods += _methods(walk, value, of_class=True)
        for function in methods:
            found.setdefault(id(function), []).append(value)
    return found


def _methods(walk: Walk, cls: type, *, of_class: bool) -> Iterator[FunctionType]:
    """The class methods of a class of the user's, or else its other methods."""
    for step, member in walk.nodes[id(cls)].parts if id(cls) in walk.nodes and classes.own(cls) else ():
        takes_class = issubclass(type(member), classmethod) or step[-1] == "__new__"
        if step[0] == "member" and takes_class == of_class:
            function = _unwrapped(walk, member)
            if type(function) is FunctionType:
                yield function


def _unwrapped(walk: Walk, member: Any) -> Any:
    while functions.is_wrapper(member) and id(member) in walk.nodes:
        member = next((part for _, part in walk.nodes[id(member)].parts), None)
    return member


def _pass_on(program: Program, written: dict[int, set[Write]]) -> None:
    """Adds to each caller what the functions it calls write to their parameters."""
    calls = [
        (key, callee, given)
        for key, body in program.functions.items()
        for node in body.nodes
        if isinstance(node, ast.Call)
        for callee, given, _ in body.callees(node)
    ]
    changed = True
    while changed:
        changed = False
        for key, callee, given in calls:
            of_parameters = [
                write
                for write in written[id(callee.function)]
                if write.ref[:2] == (id(callee.function), "parameter") and write.ref[2] in given
            ]
            new = {replace(write, ref=ref) for write in of_parameters for ref in bound(write.ref, callee, given)}
            if not new <= written[key]:
                written[key] |= new
                changed = True


def _targets(program: Program, write: Write) -> Iterator[tuple[Any, str]]:
    """The holders that a write changes, each with the name that is written."""
    *_, name = write.ref
    if len(write.ref) == 3:
        yield from _variable(program, write.ref)
        return
    for at, step in enumerate(write.ref[3:-1], 3):
        if step == ITEM:  # a dict such as `defaultdict` adds missing items when read
            yield from ((one, ITEM) for one in program.live(write.ref[:at]) if hasattr(type(one), "__missing__"))
    for holder in program.live(write.ref[:-1]):
        if issubclass(type(holder), ModuleType):
            yield ownership.names_in(holder), name
        elif name != ITEM or issubclass(type(holder), CONTAINERS) or functions.is_cache(holder):
            yield holder, name
        elif write.ref[-2] == "__dict__":
            yield holder, "__dict__"
        elif write.by_key:
            yield holder, ITEM


def _of_the_project(program: Program, ref: Ref) -> bool:
    """Whether an imported name comes from the project."""
    found = [one for one in imports.imported_names(program.functions[ref[0]].function) if one.name == ref[2]]
    return all(ownership.own(one.home) for one in found if ownership.module_named(one.home) is not None)


def _seen(program: Program, ref: Ref) -> Iterator[tuple[int, str]]:
    if len(ref) == 3:
        yield from ((id(holder), name) for holder, name in _variable(program, ref))
    else:
        for holder in program.live(ref[:-1]):
            yield id(ownership.names_in(holder) if issubclass(type(holder), ModuleType) else holder), ref[-1]


def _variable(program: Program, ref: Ref) -> Iterator[tuple[Any, str]]:
    key, kind, name = ref
    function = program.functions[key].function
    if kind == "global":
        yield function.__globals__, name
    elif kind == "free":
        yield (function.__closure__ or ())[function.__code__.co_freevars.index(name)], "content"
