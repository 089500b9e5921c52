"""What LangChain's own code does with the texts that it is given, read as the code of the user is read.

A middleware's `summary_prompt` is a template where the middleware calls `.format` on it: its code says so, and no list
of names has to be kept.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from types import CodeType, FunctionType
from typing import Any

from langgraph_gepa.adapter.dataflow import statements
from langgraph_gepa.adapter.dataflow.flow import Flow, PartUse, Solution, whole_uses
from langgraph_gepa.adapter.dataflow.uses import REACHING, Use
from langgraph_gepa.adapter.objects import functions, ownership, source_code

_MOST = 80
"""Functions that are read to see what becomes of one text."""
_OPAQUE: frozenset[PartUse] = frozenset({((), "opaque")})

_variables: weakref.WeakKeyDictionary[CodeType, Solution] = weakref.WeakKeyDictionary()


@cache
def of_attribute(cls: type, name: str) -> frozenset[PartUse]:
    """How the methods of a class use what its instances hold under a name."""
    methods = dict(_methods(cls))
    return _told(_read(_leading_to(name, methods), methods).part_uses(("attr", source_code.written(name))))


def of_variable(given: FunctionType, name: str) -> frozenset[PartUse]:
    """How a function uses its variable of this name, a parameter or one of a closure."""
    function = inspect.unwrap(given)
    if function.__code__ not in _variables:
        _variables[function.__code__] = _read([function], {})
    return _told(_variables[function.__code__].part_uses(("var", id(function.__code__), name)))


def of_argument(target: Any, name: str) -> frozenset[PartUse]:
    """How what is called uses its argument of this name: a function, or a class that is made."""
    if type(target) is FunctionType:
        return of_variable(target, name) if ownership.framework(target.__module__) else _OPAQUE
    if not issubclass(type(target), type) or not ownership.framework(target.__module__):
        return _OPAQUE
    methods = dict(_methods(target))
    made = methods.get("__init__")
    if made is None:  # of pydantic's or a dataclass: the argument is the attribute
        return of_attribute(target, name)
    return _told(_read([made, *_leading_to(name, methods)], methods).part_uses(("var", id(made.__code__), name)))


def _told(part_uses: frozenset[PartUse]) -> frozenset[PartUse]:
    """The uses, or that it is not seen what becomes of the text."""
    return part_uses if not whole_uses(part_uses).isdisjoint(_SEEN) else part_uses | _OPAQUE


_SEEN: frozenset[Use] = REACHING | {"value", "output", "hinted", "table", "tool", "foreign"}


def _leading_to(name: str, methods: Mapping[str, FunctionType]) -> list[FunctionType]:
    """The methods that name an attribute, those that name these, and so on."""
    found: dict[str, FunctionType] = {}
    names = {name}
    while more := {
        method: function
        for method, function in methods.items()
        if method not in found and not names.isdisjoint(functions.names(function.__code__))
    }:
        found |= more
        names = {*more}
    return list(found.values())


def _methods(cls: type) -> Iterator[tuple[str, FunctionType]]:
    """The methods that are LangChain's, those that others override last to first."""
    for base in reversed(cls.__mro__):
        if ownership.framework(base.__module__):
            for name, member in vars(base).items():
                method = getattr(member, "fget", None) or getattr(member, "__func__", member)
                if type(method) is FunctionType:
                    yield name, method


def _read(users: Iterable[FunctionType], methods: Mapping[str, FunctionType]) -> Solution:
    """Reads functions, and the methods and functions of their package that they name."""
    flow = Flow()
    todo, met = list(users), set[FunctionType]()
    while todo and len(met) < _MOST:
        function = todo.pop(0)
        if function in met:
            continue
        met.add(function)
        statements.read(flow, function)
        for name in functions.names(function.__code__):
            named = methods.get(name) or function.__globals__.get(name)
            if type(named) is FunctionType and ownership.framework(named.__module__):
                todo.append(named)
    return flow.solve()
