"""Handlers of instances of LangChain's, LangGraph's and the user's classes, and of jinja2 templates."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from string import Template
from types import FunctionType, MemberDescriptorType
from typing import Any

import jinja2
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseLanguageModel
from langchain_core.vectorstores import VectorStore
from langgraph.cache.base import BaseCache
from langgraph.channels.base import BaseChannel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.store.base import BaseStore
from pydantic import BaseModel
from typing_extensions import override

from langgraph_gepa.adapter.objects import classes, ownership
from langgraph_gepa.adapter.objects.handler import ABSENT, Copies, Handler, Step

_CLOSED = (BaseLanguageModel, BaseCallbackHandler, Document, Embeddings, VectorStore, BaseCache, BaseChannel,
           BaseCheckpointSaver, BaseStore, BaseException, enum.Enum, type, FunctionType)  # fmt: skip
"""Classes of objects that hold no prompt that could be replaced by copying them."""


_MEMOS = frozenset({"_tool_call_schema_memo"})
"""Private attributes that LangChain derives from others, so that a copy derives its own."""


class Instance(Handler):
    """An instance with its attributes. Steps: `attr name`, `private name`, and `class`."""

    @override
    def handles(self, value: Any) -> bool:
        return _open(_class(value))

    @override
    def parts(self, value: Any) -> Iterator[tuple[Step, Any]]:
        derived = _derived(_class(value))
        for name, held in list(state_of(value).items()):
            if name not in derived:
                yield ("attr", name), held
        if isinstance(value, BaseModel):
            for name, held in list((getattr(value, "__pydantic_private__", None) or {}).items()):
                if name not in _MEMOS:
                    yield ("private", name), held
        if classes.own(type(value)):
            yield ("class",), type(value)

    @override
    def shell(self, value: Any, steps: Mapping[Step, str | None], copies: Copies) -> Any:
        copy = object.__new__(type(value))
        state = state_of(value)
        if hasattr(value, "__dict__"):
            derived = _derived(_class(value))
            object.__setattr__(copy, "__dict__", {k: v for k, v in vars(value).items() if k not in derived})
        for name in _members(_class(value)).keys() & state.keys():
            object.__setattr__(copy, name, state[name])
        if isinstance(value, BaseModel):
            object.__setattr__(copy, "__pydantic_fields_set__", set(value.__pydantic_fields_set__))
            extra, private = value.__pydantic_extra__, getattr(value, "__pydantic_private__", None)
            object.__setattr__(copy, "__pydantic_extra__", dict(extra) if extra is not None else None)
            private = {k: None if k in _MEMOS else v for k, v in private.items()} if private is not None else None
            object.__setattr__(copy, "__pydantic_private__", private)
        return copy

    @override
    def fill(self, value: Any, copy: Any, changes: Mapping[Step, Any], copies: Copies) -> None:
        for step, part in changes.items():
            match step:
                case ("class",):
                    object.__setattr__(copy, "__class__", part)
                case ("private", name):
                    copy.__pydantic_private__[name] = part
                case ("attr", str(name)) if part is ABSENT:
                    if name in state_of(copy):
                        object.__delattr__(copy, name)
                case ("attr", str(name)) if name in _members(_class(value)):
                    object.__setattr__(copy, name, part)
                case ("attr", name):
                    vars(copy)[name] = part


def _class(value: Any) -> Any:
    return type(value)


@cache
def _open(cls: type) -> bool:
    if issubclass(cls, _CLOSED) or not _plain_new(cls):
        return False
    return ownership.framework(cls.__module__) or ownership.own(cls.__module__) or issubclass(cls, Template)


def _plain_new(cls: type) -> bool:
    """Whether `object.__new__` can make an empty instance."""
    try:
        object.__new__(cls)
    except TypeError:
        return False
    return True


@cache
def _members(cls: type) -> dict[str, MemberDescriptorType]:
    """The attributes of a class that are declared in `__slots__`."""
    return {
        name: member
        for base in reversed(cls.__mro__)
        if base is not BaseModel
        for name, member in vars(base).items()
        if type(member) is MemberDescriptorType
    }


@cache
def _derived(cls: type) -> frozenset[str]:
    """Cached properties, so that a copy computes its own."""
    return frozenset(n for base in cls.__mro__ for n, m in vars(base).items() if issubclass(type(m), cached_property))


def state_of(value: Any) -> dict[str, Any]:
    """The attributes of an object, those in slots included, without running any of its code."""
    held = {}
    for name, member in sorted(_members(_class(value)).items()):
        with contextlib.suppress(AttributeError):  # the attribute is not set
            held[name] = member.__get__(value)
    return {**held, **_attributes(value)}


def _attributes(value: Any) -> dict[str, Any]:
    """The attributes in an object's `__dict__`, without running any of its code."""
    try:
        return dict(object.__getattribute__(value, "__dict__"))
    except AttributeError:
        return {}


class Jinja(Handler):
    """A compiled jinja2 template. It holds no text, so that it has no parts; step `source` replaces it."""

    whole = True

    @override
    def handles(self, value: Any) -> bool:
        return isinstance(value, jinja2.Template)

    @override
    def make(self, value: Any, changes: Mapping[Step, Any]) -> Any:
        return value.environment.from_string(changes["source",], globals=dict(value.globals))


HANDLERS: tuple[Handler, ...] = (Instance(), Jinja())
