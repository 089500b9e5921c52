"""Replaces the user's checkpointers, stores and caches by a rollout's own.

LangGraph reads a graph's checkpointer, store and cache when a run begins, also for subgraphs and for graphs that nodes,
tools or middleware call. LangChain reads a model's cache or the global one, and code may hold such an object itself.
During a rollout all of them get a replacement. Elsewhere, also in other threads of the process, they get the original.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from langchain_core.caches import BaseCache as ModelCache
from langchain_core.caches import InMemoryCache as InMemoryModelCache
from langgraph.cache.base import BaseCache
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.pregel import Pregel
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from langgraph_gepa.adapter.isolation.input_copies import containers_copied


class Replacements:
    """The replacements of one rollout: one for each of the user's objects, so that shared objects stay shared."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[Any, Any]] = {}

    def put(self, own: Any, replacement: Any) -> None:
        """Uses `replacement` for `own`, if that is not `None`, and for itself."""
        for replaced in (own, replacement):
            if replaced is not None:
                self._made[id(replaced)] = (replaced, replacement)

    def of(self, own: Any, make: Callable[[Any], Any]) -> Any:
        """The replacement of an object, made if there is none yet."""
        known = self._made.get(id(own))
        if known is None:  # if two threads get here at once, one wins
            known = self._made.setdefault(id(own), (own, make(own)))
        return known[1]


_now: ContextVar[Replacements | None] = ContextVar("langgraph_gepa_isolated", default=None)


@contextmanager
def isolated(replacements: Replacements) -> Iterator[None]:
    """Uses the replacements in everything that runs within, including tasks and threads that it starts."""
    _install()
    token = _now.set(replacements)
    try:
        yield
    finally:
        _now.reset(token)


def new_checkpointer(_: Any = None) -> BaseCheckpointSaver[Any]:
    return _Saver(serde=_ByReference())


def new_store(own: BaseStore | None) -> _Store:
    """An empty store with the index and the features of `own`."""
    store = _Store(index=getattr(own, "index_config", None))
    store.supports_ttl = getattr(own, "supports_ttl", False)
    return store


def new_cache(_: Any = None) -> BaseCache[Any]:
    return _Cache()


def _store_like(own: BaseStore) -> BaseStore:
    """A store with the content of `own` if that is in memory, as programs fill such a store when imported."""
    store = new_store(own)
    if isinstance(own, InMemoryStore):
        store._data, store._vectors = containers_copied(own._data), containers_copied(own._vectors)
    return store


class _Direct:
    """A replacement, which is never replaced itself."""

    __slots__ = ()
    __getattribute__ = object.__getattribute__


class _Saver(_Direct, InMemorySaver): ...


class _Store(_Direct, InMemoryStore): ...


class _Cache(_Direct, InMemoryCache[Any]): ...


class _ModelCache(_Direct, InMemoryModelCache): ...


_INTERFACES: dict[type, Callable[[Any], Any]] = {
    BaseCheckpointSaver: new_checkpointer,
    BaseStore: _store_like,
    BaseCache: new_cache,
    ModelCache: lambda _: _ModelCache(),
}


@functools.cache
def _install() -> None:
    """Makes graphs and interfaces look for a replacement. Runs once, at the first rollout."""
    for name, interface in {"checkpointer": BaseCheckpointSaver, "store": BaseStore, "cache": BaseCache}.items():
        setattr(Pregel, name, _Held(name, interface))
    for interface, make in _INTERFACES.items():
        interface.__getattribute__ = _redirecting(interface, make)  # type: ignore[method-assign, assignment]


class _Held:
    """A graph's checkpointer, store or cache, which LangGraph also uses in threads outside the rollout's context."""

    def __init__(self, name: str, interface: type) -> None:
        self._name = name
        self._interface = interface
        self._default = getattr(Pregel, name, None)

    def __get__(self, graph: Any, kind: type | None = None) -> Any:
        own = self._default if graph is None else vars(graph).get(self._name, self._default)
        replacements = _now.get()
        if replacements is None or not isinstance(own, self._interface):
            return own
        return replacements.of(own, _INTERFACES[self._interface])

    def __set__(self, graph: Any, value: Any) -> None:
        vars(graph)[self._name] = value


def _redirecting(interface: type, make: Callable[[Any], Any]) -> Callable[[Any, str], Any]:
    own: Callable[[Any, str], Any] = vars(interface).get("__getattribute__", object.__getattribute__)
    methods = {name for name, member in vars(interface).items() if inspect.isfunction(member) and name[0] != "_"}

    @functools.wraps(own)
    def redirect(self: Any, name: str) -> Any:
        if name in methods and (replacements := _now.get()) is not None:
            self = replacements.of(self, make)
        return own(self, name)

    return redirect


@dataclass(slots=True)
class _ByReference:
    """Keeps checkpoints in memory without serialising them, since a state need not be serialisable.

    Containers are copied on the way in and out, as LangGraph goes on writing to its own.
    """

    kept: dict[bytes, Any] = field(default_factory=dict)

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        key = str(len(self.kept)).encode()
        self.kept[key] = containers_copied(obj)
        return "reference", key

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        return containers_copied(self.kept[data[1]])
