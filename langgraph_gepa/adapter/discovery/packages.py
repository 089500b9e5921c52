"""Tells the texts of installed packages: a text is the package's own, unless the user's code passes it on."""

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
"""Characters from which a text is recognised as a package's constant."""
_PASSING = functions.LOOKUPS | {"cell", "default", "kwdefault"}
"""Steps from a function to a text that it uses."""


class Packages:
    """Tells which texts of a walk are a package's.

    Where the whole graph comes from packages, those that its nodes are written in count as the user's.
    """

    def __init__(self, walk: Walk, root: Pregel[Any, Any, Any, Any]) -> None:
        self.walk = walk
        written = [_file(node.value) for node in walk.nodes.values()]
        installed = all(ownership.in_library(file) for file in written if file)
        self._users = {_top_folder(node) for node in root.nodes.values()} - {""} if installed else set[str]()

    def own(self, location: SourceLocation, places: Iterable[Place]) -> bool:
        """Whether a text is a package's own, given where it is written and where it stands in memory."""
        if location.file is not None:
            users = not ownership.in_library(location.file) or any(top in location.file for top in self._users)
            return not users and not any(map(self._is_passed_on, places))
        return all(map(self._is_constant_or_default, places))

    def _is_passed_on(self, place: Place) -> bool:
        """Whether a function of the user's uses the text."""
        owner = self.walk.nodes[place.owner].value
        return place.step[0] in _PASSING and isinstance(owner, FunctionType) and not ownership.in_library(_file(owner))

    def _is_constant_or_default(self, place: Place) -> bool:
        """Whether a text that is in no source of the user's is a package's constant, or an argument's default."""
        owner = self.walk.nodes[place.owner].value
        if self._users or len(place.text) < _LONG or self._is_passed_on(place):
            return False
        return place.text in _defaults(type(owner)) or any(_gives(text, place.text) for text in _constants())


def _file(value: object) -> str:
    """The file of a function or class whose code is read; empty for any other object."""
    if isinstance(value, FunctionType):
        return value.__code__.co_filename if functions.own(value) else ""
    if isinstance(value, type) and classes.own(value):
        return ownership.file_of(ownership.module_named(value.__module__))
    return ""


def _top_folder(node: object) -> str:
    """The folder of the top package that a node's function is written in; empty when its code is not read."""
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
            values = list(ownership.names_in(module).values())
            yield from (value for value in values if type(value) is str and len(value) >= _LONG)


def _defaults(cls: type) -> tuple[object, ...]:
    """The defaults of the arguments of a package's class."""
    init = vars(cls).get("__init__")
    if not isinstance(init, FunctionType) or not ownership.framework(cls.__module__):
        return ()
    return (*(init.__defaults__ or ()), *(init.__kwdefaults__ or {}).values())


def _gives(constant: str, text: str) -> bool:
    """Whether a text is a constant, as it is or filled in."""
    if constant.strip() == text.strip():
        return True
    if "{" not in constant or not text.startswith(constant[:_LONG].partition("{")[0]):
        return False
    pattern = matching.pattern(constant, "format")
    return pattern is not None and pattern.covers(text)
