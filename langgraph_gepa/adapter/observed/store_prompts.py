"""Texts that a user keeps in LangGraph's store, for nodes to read when they run."""

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

_MOST = 1_000
_WORDS = 4


def texts(store: BaseStore | None) -> Iterator[tuple[str, str]]:
    """The texts in a store with their namespace and key. Only a store in memory is read: others are somewhere else."""
    if isinstance(store, InMemoryStore):
        for item in store.search((), limit=_MOST):
            for text in strings(plain(item.value)):
                if templates.word_count(text) >= _WORDS:
                    yield "/".join([*item.namespace, item.key]), text


def kept(graph: Any) -> list[Module]:
    """The texts in a graph's own store: reported, since rollouts do not come to them."""
    return [
        Module(naming.slug(f"store:{place}"), "prompt", text, evidence="possible", reason=Reason(Obstacle.EMPTY_STORE))
        for place, text in texts(graph.store)
    ]


def recognised(strange: Iterable[Module], held: Sequence[tuple[str, str]]) -> Iterator[Module]:
    """The modules, those whose text was in a store named after their place there."""
    for module in strange:
        places = dict.fromkeys(place for place, text in held if text.strip() == module.text.strip())
        if module.file is not None or not places:
            yield module
        else:
            note = Note(ReadFrom.STORE, ", ".join(places))
            yield replace(module, name=naming.slug(f"store:{next(iter(places))}"), reason=None, note=note)
