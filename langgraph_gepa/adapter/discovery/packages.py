"""Texts that installed packages bring: they are theirs, unless the code of the user passes them on."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from functools import cache
from types import FunctionType
from typing import Any

from langgraph.pregel import Pregel

from langgraph_gepa.adapter.objects import classes, functions, ownership
from langgraph_gepa.adapter.objects.definitions import SourceLocation
from langgraph_gepa.adapter.objects.place import Place
from langgraph_gepa.adapter.objects.walk import Walk
from langgraph_gepa.core import matching

_LONG = 40
"""Characters from which a text is known again as a package's constant."""
_PASSING = functions.LOOKUPS | {"cell", "default", "kwdefault"}
"""Steps from a function of the user's to a text that it uses."""


class Packages:
    """Tells the texts of packages in one walk. Where the whole graph comes from packages, those that its nodes are
    written in are the user's own."""

    def __init__(self, walk: Walk, root: Pregel[Any, Any, Any, Any]) -> None:
        self.walk = walk
        written = [_file(node.value) for node in walk.nodes.values()]
        installed = all(ownership.in_library(file) for file in written if file)
        self._own = {_top(node) for node in root.nodes.values()} - {""} if installed else set[str]()

    def own(self, location: SourceLocation, places: Iterable[Place]) -> bool:
        """Whether a text is a package's own."""
        if location.file is not None:
            mine = not ownership.in_library(location.file) or any(top in location.file for top in self._own)
            return not mine and not any(map(self._passed, places))
        return all(self._brought(place) for place in places)

    def _passed(self, place: Place) -> bool:
        owner = self.walk.nodes[place.owner].value
        return place.step[0] in _PASSING and isinstance(owner, FunctionType) and not ownership.in_library(_file(owner))

    def _brought(self, place: Place) -> bool:
        """Whether a text that no source of the user's writes out is a package's constant or default."""
        owner = self.walk.nodes[place.owner].value
        if self._own or len(place.text) < _LONG or self._passed(place):
            return False
        return place.text in _defaults(type(owner)) or any(_gives(text, place.text) for text in _constants())


def _file(value: object) -> str:
    """The file of a function or class that is read, `""` for any other object."""
    if isinstance(value, FunctionType):
        return value.__code__.co_filename if functions.own(value) else ""
    if isinstance(value, type) and classes.own(value):
        return ownership.file_of(ownership.module_named(value.__module__))
    return ""


def _top(node: object) -> str:
    function = functions.own_attribute(getattr(node, "bound", None), "func") or functions.own_attribute(node, "func")
    own = isinstance(function, FunctionType) and functions.own(function)
    return f"/{function.__module__.partition('.')[0]}/" if own else ""


@cache
def _constants() -> frozenset[str]:
    """The texts that the packages which build agents keep in their modules."""
    return frozenset(_module_texts())


def _module_texts() -> Iterator[str]:
    for name in list(sys.modules):
        module = ownership.module_named(name)
        if module is None or not (ownership.framework(name) or ownership.own(name)):
            continue
        if ownership.in_library(ownership.file_of(module)):
            held = list(ownership.names_in(module).values())
            yield from (value for value in held if type(value) is str and len(value) >= _LONG)


def _defaults(cls: type) -> tuple[object, ...]:
    """What a class of a package is given where the user gives nothing."""
    made = vars(cls).get("__init__")
    if not isinstance(made, FunctionType) or not ownership.framework(cls.__module__):
        return ()
    return (*(made.__defaults__ or ()), *(made.__kwdefaults__ or {}).values())


def _gives(constant: str, text: str) -> bool:
    """Whether a text is a constant as it stands, or filled in."""
    if constant.strip() == text.strip():
        return True
    if "{" not in constant or not text.startswith(constant[:_LONG].partition("{")[0]):
        return False
    pattern = matching.pattern(constant, "format")
    return pattern is not None and pattern.covers(text)
