"""How LangChain's own code uses the texts it is given, found by the same data-flow analysis as for the user's code.

A middleware's `summary_prompt` is a template if the middleware's code calls `.format` on it. So no list of names is
needed.
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
"""Most functions that are read for one text."""
_OPAQUE: frozenset[PartUse] = frozenset({((), "opaque")})

_variables: weakref.WeakKeyDictionary[CodeType, Solution] = weakref.WeakKeyDictionary()


@cache
def attribute_uses(cls: type, name: str) -> frozenset[PartUse]:
    """How the methods of a class use an attribute of its instances."""
    methods = dict(_methods(cls))
    return _or_opaque(_read(_leading_to(name, methods), methods).part_uses(("attr", source_code.unmangled(name))))


def variable_uses(given: FunctionType, name: str) -> frozenset[PartUse]:
    """How a function uses one of its variables: a parameter, or one of its closure."""
    function = inspect.unwrap(given)
    if function.__code__ not in _variables:
        _variables[function.__code__] = _read([function], {})
    return _or_opaque(_variables[function.__code__].part_uses(("var", id(function.__code__), name)))


def argument_uses(target: Any, name: str) -> frozenset[PartUse]:
    """How a function, or the constructor of a class, uses its argument of this name."""
    if type(target) is FunctionType:
        return variable_uses(target, name) if ownership.framework(target.__module__) else _OPAQUE
    if not issubclass(type(target), type) or not ownership.framework(target.__module__):
        return _OPAQUE
    methods = dict(_methods(target))
    made = methods.get("__init__")
    if made is None:  # a pydantic model or dataclass: the argument becomes the attribute
        return attribute_uses(target, name)
    return _or_opaque(_read([made, *_leading_to(name, methods)], methods).part_uses(("var", id(made.__code__), name)))


def _or_opaque(part_uses: frozenset[PartUse]) -> frozenset[PartUse]:
    """The uses, with `opaque` added if they do not show what becomes of the text."""
    return part_uses if not whole_uses(part_uses).isdisjoint(_SEEN) else part_uses | _OPAQUE


_SEEN: frozenset[Use] = REACHING | {"value", "output", "hinted", "table", "tool", "foreign"}


def _leading_to(name: str, methods: Mapping[str, FunctionType]) -> list[FunctionType]:
    """The methods that mention an attribute, those that mention these methods, and so on."""
    found: dict[str, FunctionType] = {}
    names = {name}
    while more := {
        method: function
        for method, function in methods.items()
        if method not in found and not names.isdisjoint(functions.mentioned_names(function.__code__))
    }:
        found |= more
        names = {*more}
    return list(found.values())


def _methods(cls: type) -> Iterator[tuple[str, FunctionType]]:
    """The methods of LangChain's classes, overridden ones first."""
    for base in reversed(cls.__mro__):
        if ownership.framework(base.__module__):
            for name, member in vars(base).items():
                method = getattr(member, "fget", None) or getattr(member, "__func__", member)
                if type(method) is FunctionType:
                    yield name, method


def _read(users: Iterable[FunctionType], methods: Mapping[str, FunctionType]) -> Solution:
    """Solves the data flow of functions, and of the methods and LangChain functions that they mention."""
    flow = Flow()
    todo, met = list(users), set[FunctionType]()
    while todo and len(met) < _MOST:
        function = todo.pop(0)
        if function in met:
            continue
        met.add(function)
        statements.read(flow, function)
        for name in functions.mentioned_names(function.__code__):
            named = methods.get(name) or function.__globals__.get(name)
            if type(named) is FunctionType and ownership.framework(named.__module__):
                todo.append(named)
    return flow.solve()
