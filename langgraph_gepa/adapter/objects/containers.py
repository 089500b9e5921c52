"""Handlers of lists, mappings, sets and tuples."""

from __future__ import annotations

import copy
import enum
from collections import UserDict, UserList, deque
from collections.abc import Hashable, Iterator, Mapping
from typing import Any
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

from typing_extensions import override

from langgraph_gepa.adapter.objects import instances
from langgraph_gepa.adapter.objects.handler import Copies, Handler, Key, Step

_LONG = 1000
_COLLECTIONS = (bytearray, UserDict, UserList, WeakKeyDictionary, WeakValueDictionary, WeakSet)
_PLAIN = frozenset({str, int, float, bool, bytes, type(None)})


class Container(Handler):
    """A list, deque or mapping, unless it is long enough to be data. Steps: `item key`, and `key key` for an object."""

    @override
    def handles(self, value: Any) -> bool:
        return isinstance(value, dict | list | deque)

    @override
    def parts(self, value: Any) -> Iterator[tuple[Step, Any]]:
        if isinstance(value, dict):
            if dict.__len__(value) <= _LONG:
                for key, held in list(dict.items(value)):
                    yield ("item", key_of(key)), held
                    if type(key) not in _PLAIN:
                        yield ("key", key_of(key)), key
        elif len(value) <= _LONG:
            yield from ((("item", at), held) for at, held in enumerate(list(value)))

    @override
    def shell(self, value: Any, steps: Mapping[Step, str | None], copies: Copies) -> Any:
        return copy.copy(value)

    @override
    def fill(self, value: Any, copy: Any, changes: Mapping[Step, Any], copies: Copies) -> None:
        for (kind, key), part in changes.items():
            if kind == "item" and (not isinstance(key, int) or issubclass(type(copy), dict) or key < len(copy)):
                copy[key.value if type(key) is Key else key] = part
        keys = {key: part for (kind, key), part in changes.items() if kind == "key"}
        if keys:
            pairs = [(keys.get(key_of(key), key), held) for key, held in dict.items(copy)]
            copy.clear()
            copy.update(pairs)


def shorten(value: Any, length: int) -> None:
    """Removes what was added to a container since it had this length; a set can only be emptied."""
    if issubclass(type(value), dict):
        for key in list(value)[length:]:
            del value[key]
    elif issubclass(type(value), list | deque):
        while len(value) > length:
            value.pop()
    elif not length:
        value.clear()


def key_of(key: Any) -> Hashable:
    """How a step names a key: plain data as itself, an enum member by its value, other objects by identity."""
    if type(key) in _PLAIN or (type(key) is tuple and all(type(part) in _PLAIN for part in key)):
        plain: Hashable = key
        return plain
    if issubclass(type(key), enum.Enum) and issubclass(type(key), str | int) and type(key._value_) in _PLAIN:
        value: Hashable = key._value_
        return value
    return Key(key)


class Set(Handler):
    """A set of objects. Step: `key object`, as for the keys of a mapping."""

    @override
    def handles(self, value: Any) -> bool:
        return isinstance(value, set)

    @override
    def parts(self, value: set[Any]) -> Iterator[tuple[Step, Any]]:
        yield from _objects(value)

    @override
    def shell(self, value: set[Any], steps: Mapping[Step, str | None], copies: Copies) -> Any:
        return copy.copy(value)

    @override
    def fill(self, value: set[Any], copy: Any, changes: Mapping[Step, Any], copies: Copies) -> None:
        copy.clear()
        copy.update(changes.get(("key", key_of(one)), one) for one in value)


class FrozenSet(Handler):
    """A frozen set of objects. Step: `key object`."""

    whole = True

    @override
    def handles(self, value: Any) -> bool:
        return isinstance(value, frozenset)

    @override
    def parts(self, value: frozenset[Any]) -> Iterator[tuple[Step, Any]]:
        yield from _objects(value)

    @override
    def make(self, value: frozenset[Any], changes: Mapping[Step, Any]) -> frozenset[Any]:
        return frozenset(changes.get(("key", key_of(one)), one) for one in value)


def _objects(value: set[Any] | frozenset[Any]) -> Iterator[tuple[Step, Any]]:
    """The elements that are no plain data, in an order that is the same in every process where `_order` can tell."""
    if len(value) <= _LONG:
        found = [one for one in list(value) if type(one) not in _PLAIN]
        yield from ((("key", key_of(one)), one) for one in sorted(found, key=_order))


def _order(element: Any) -> tuple[str, ...]:
    """The type of an element and the strings it holds; its hash, and so its place in the set, differs by process."""
    held = element if issubclass(type(element), tuple) else instances.state_of(element).values()
    return (type(element).__qualname__, *(str.__str__(part) for part in held if type(part) is str))


class Collection(Handler):
    """Another mutable collection of Python's, which has no parts."""

    @override
    def handles(self, value: Any) -> bool:
        return type(value) in _COLLECTIONS

    @override
    def shell(self, value: Any, steps: Mapping[Step, str | None], copies: Copies) -> Any:
        return copy.copy(value)


class Tuple(Handler):
    """A tuple or named tuple. Step: `item index`."""

    whole = True

    @override
    def handles(self, value: Any) -> bool:
        return isinstance(value, tuple)

    @override
    def parts(self, value: tuple[Any, ...]) -> Iterator[tuple[Step, Any]]:
        yield from ((("item", i), held) for i, held in enumerate(value[:_LONG]))

    @override
    def make(self, value: tuple[Any, ...], changes: Mapping[Step, Any]) -> tuple[Any, ...]:
        return tuple.__new__(type(value), [changes.get(("item", i), held) for i, held in enumerate(value)])


HANDLERS: tuple[Handler, ...] = (Container(), Set(), FrozenSet(), Tuple())
