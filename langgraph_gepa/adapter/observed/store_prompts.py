"""Finds texts that a user keeps in LangGraph's store, for nodes to read when they run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.objects import naming
from langgraph_gepa.adapter.tracing.message_text import strings
from langgraph_gepa.core.json_data import plain
from langgraph_gepa.core.module import Module
from langgraph_gepa.core.reason import Note, Obstacle, ReadFrom, Reason

_ITEMS = 1_000
"""Items of a store that are read."""
_WORDS = 4
"""Words from which a text is worth listing."""


def texts(store: BaseStore | None) -> Iterator[tuple[str, str]]:
    """The texts in a store with their namespace and key. Only a store in memory is read."""
    if isinstance(store, InMemoryStore):
        for item in store.search((), limit=_ITEMS):
            for text in strings(plain(item.value)):
                if templates.word_count(text) >= _WORDS:
                    yield "/".join([*item.namespace, item.key]), text


def prompts_of(graph: Any) -> list[Module]:
    """The texts in a graph's own store as modules that cannot be replaced, because rollouts do not see that store."""
    reason = Reason(Obstacle.EMPTY_STORE)
    return [
        Module(naming.slug(f"store:{key}"), "prompt", text, evidence="possible", reason=reason)
        for key, text in texts(graph.store)
    ]


def named_after_store(modules: Iterable[Module], stored: Sequence[tuple[str, str]]) -> Iterator[Module]:
    """The modules; those whose text is in a store are named after its key. `stored` are keys with texts."""
    for module in modules:
        keys = dict.fromkeys(key for key, text in stored if text.strip() == module.text.strip())
        if module.file is not None or not keys:
            yield module
        else:
            note = Note(ReadFrom.STORE, ", ".join(keys))
            yield replace(module, name=naming.slug(f"store:{next(iter(keys))}"), reason=None, note=note)
