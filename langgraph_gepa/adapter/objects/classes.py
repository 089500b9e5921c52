"""Handlers of the user's classes: class attributes, methods, defaults of fields, and enums.

A copy is a subclass that overrides what was replaced, so that `isinstance`, `super` and equality of fields work.
"""

from __future__ import annotations

import copy as copying
import dataclasses
import enum
import types
from abc import ABCMeta
from collections.abc import Iterable, Iterator, Mapping
from types import FunctionType
from typing import Any

from langchain_core.load import Serializable
from pydantic import BaseModel
from pydantic._internal._model_construction import ModelMetaclass
from pydantic_core import PydanticUndefined
from typing_extensions import override

from langgraph_gepa.adapter.objects import ownership, schemas
from langgraph_gepa.adapter.objects.handler import ABSENT, Copies, Handler, Step

_SKIPPED = {"__dict__", "__weakref__", "__doc__", "__module__", "__annotations__", "__slots__", "__init_subclass__",
            "__qualname__", "__match_args__", "__abstractmethods__", "__orig_bases__", "__parameters__",
            "__dataclass_fields__", "__dataclass_params__", "__class_getitem__", "__firstlineno__",
            "__static_attributes__", "__annotate_func__", "__annotations_cache__"}  # fmt: skip


def own(cls: type) -> bool:
    """Whether a class is the user's."""
    return ownership.own(cls.__module__)


class Class(Handler):
    """Steps: `member name` for what a class's body defines, `field name` for defaults of fields, `factory name` for
    functions that make defaults, `metaclass` for one of the user's, and those of `schemas`."""

    @override
    def handles(self, value: Any) -> bool:
        if not isinstance(value, type) or issubclass(value, enum.Enum | BaseException):
            return False
        known = type(value) in (type, ABCMeta, ModelMetaclass) or _has_own_metaclass(value)
        return known and (own(value) or schemas.generated(value))

    @override
    def parts(self, value: type) -> Iterator[tuple[Step, Any]]:
        yield from schemas.nested(value)
        if _has_own_metaclass(value):
            yield ("metaclass",), type(value)
        met: set[str] = set()
        for name, default in _fields(value):
            if default is not dataclasses.MISSING:
                yield ("field", name), default
            met.add(name)
        for name, factory in _factories(value):
            yield ("factory", name), factory
        for cls in value.__mro__:
            if own(cls):
                for name, member in list(vars(cls).items()):
                    if name not in met and name not in _SKIPPED and not _generated(value, name, member):
                        met.add(name)
                        yield ("member", name), member

    @override
    def shell(self, value: type, steps: Mapping[Step, str | None], copies: Copies) -> type:
        names: dict[str, Any] = {
            "__module__": value.__module__,
            "__qualname__": value.__qualname__,
            "__doc__": steps.get(("doc",)) or value.__doc__,
        }
        if "__slots__" in vars(value):
            names["__slots__"] = ()
        if _has_own_metaclass(value):  # without its `__new__` and `__init__`, which may register the class
            make = ABCMeta.__new__ if issubclass(type(value), ABCMeta) else type.__new__
            copy: type = make(copies.part(type(value)), value.__name__, (value,), names)
            return copy
        if not issubclass(value, BaseModel):
            return types.new_class(value.__name__, (value,), {}, lambda body: body.update(names))
        if any(step[0] in ("field", "factory", "described", "annotated", "doc") for step in steps) or not (
            issubclass(value, Serializable)
        ):
            return schemas.model(value, steps, names, copies)
        # LangChain's classes make instances of themselves: the validators that pydantic would build are the parent's.
        return ABCMeta.__new__(type(value), value.__name__, (value,), names)

    @override
    def fill(self, value: type, copy: type, changes: Mapping[Step, Any], copies: Copies) -> None:
        defaults = {str(step[1]): part for step, part in changes.items() if step[0] == "field"}
        factories = {str(step[1]): part for step, part in changes.items() if step[0] == "factory"}
        if (defaults or factories) and dataclasses.is_dataclass(value):
            _dataclass(value, copy, defaults, factories)
        for step, part in changes.items():
            if step[0] == "member":
                name = str(step[1])
                type.__setattr__(copy, name, _Absent(name) if part is ABSENT else part)


def _has_own_metaclass(cls: type) -> bool:
    """Whether a class has a metaclass of the user's that derives from no library's."""
    kind: type = type(cls)
    return kind not in (type, ABCMeta) and all(base in (type, ABCMeta, object) or own(base) for base in kind.__mro__)


class _Absent:
    """An attribute that a copy must not have, nor inherit if the original class gets it later."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        raise AttributeError(self.name)


def _fields(cls: type) -> Iterator[tuple[str, Any]]:
    if dataclasses.is_dataclass(cls):
        yield from ((field.name, field.default) for field in dataclasses.fields(cls))
    elif issubclass(cls, BaseModel):
        for name, info in cls.__pydantic_fields__.items():
            yield name, dataclasses.MISSING if info.default is PydanticUndefined else info.default


def _factories(cls: type) -> Iterator[tuple[str, Any]]:
    """The functions and classes that make defaults of fields."""
    made: Iterable[tuple[str, Any]] = ()
    if dataclasses.is_dataclass(cls):
        made = ((field.name, field.default_factory) for field in dataclasses.fields(cls))
    elif issubclass(cls, BaseModel):
        made = ((name, info.default_factory) for name, info in cls.__pydantic_fields__.items())
    yield from ((name, factory) for name, factory in made if isinstance(factory, FunctionType | type))


def _generated(cls: type, name: str, member: Any) -> bool:
    """Whether a member of a class was not written by the user."""
    if issubclass(cls, BaseModel) and (
        name.startswith(("__pydantic", "model_", "__private", "_abc")) or name == "__signature__"
    ):
        return True
    return name == "_abc_impl" or (type(member) is FunctionType and member.__code__.co_filename.startswith("<"))


def _dataclass(cls: type, copy: type, defaults: Mapping[str, Any], factories: Mapping[str, Any]) -> None:
    """Sets defaults in the three places that hold them: the field, the class, and the signature of `__init__`."""
    fields = dict(cls.__dataclass_fields__)  # type: ignore[attr-defined]  # set by the dataclass decorator
    for name in {*defaults, *factories}:
        fields[name] = copying.copy(fields[name])
        fields[name].default = defaults.get(name, fields[name].default)
        fields[name].default_factory = factories.get(name, fields[name].default_factory)
        if name in defaults and "__slots__" not in vars(cls):
            type.__setattr__(copy, name, defaults[name])
    type.__setattr__(copy, "__dataclass_fields__", fields)
    type.__setattr__(copy, "__init__", _init(cls, defaults, factories))


def _init(cls: type, defaults: Mapping[str, Any], factories: Mapping[str, Any]) -> FunctionType:
    """`cls.__init__` with other defaults."""
    old: FunctionType = cls.__init__  # type: ignore[misc]  # read from the class on purpose
    code = old.__code__
    positional = code.co_varnames[: code.co_argcount]
    held = list(old.__defaults__ or ())
    first = len(positional) - len(held)
    for index, name in enumerate(positional[first:]):
        held[index] = defaults.get(name, held[index])
    swaps = {id(cls.__dataclass_fields__[name].default_factory): factory for name, factory in factories.items()}  # type: ignore[attr-defined]
    closure = tuple(type(cell)(swaps.get(id(cell.cell_contents), cell.cell_contents)) for cell in old.__closure__ or ())
    made = FunctionType(code, old.__globals__, old.__name__, tuple(held), closure)
    made.__kwdefaults__ = {k: defaults.get(k, v) for k, v in (old.__kwdefaults__ or {}).items()} or None
    made.__annotations__, made.__qualname__ = old.__annotations__, old.__qualname__
    return made


class Enumeration(Handler):
    """An enum of texts, whose copy has its own members. Steps: `member name`."""

    @override
    def handles(self, value: Any) -> bool:
        return isinstance(value, enum.EnumMeta) and own(value)

    @override
    def parts(self, value: Any) -> Iterator[tuple[Step, Any]]:
        yield from ((("member", name), member.value) for name, member in value.__members__.items())

    @override
    def shell(self, value: Any, steps: Mapping[Step, str | None], copies: Copies) -> Any:
        body = type(value).__prepare__(value.__name__, value.__bases__)
        for name, held in vars(value).items():
            if name in _NAMED or (
                isinstance(held, _DEFINED) and getattr(held, "__module__", value.__module__) == value.__module__
            ):
                body[name] = held
        for name, member in value.__members__.items():
            body[name] = steps.get(("member", name)) or member.value
        return type(value)(value.__name__, value.__bases__, body)


class Member(Handler):
    """A member of an enum of texts. Step: `class`."""

    whole = True

    @override
    def handles(self, value: Any) -> bool:
        return isinstance(value, enum.Enum) and own(type(value))

    @override
    def parts(self, value: Any) -> Iterator[tuple[Step, Any]]:
        yield ("class",), type(value)

    @override
    def make(self, value: Any, changes: Mapping[Step, Any]) -> Any:
        return changes["class",].__members__[value.name]


_NAMED = {"__module__", "__qualname__", "__doc__"}
_DEFINED = (FunctionType, property, classmethod, staticmethod)

HANDLERS: tuple[Handler, ...] = (Class(), Enumeration(), Member())
