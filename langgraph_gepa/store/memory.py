"""Keeps a run in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from langgraph_gepa.core.events import Event
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.engine.codec import dump, load_event


class MemoryStore:
    """A store that lasts as long as the object. Values are frozen as text, as on disk."""

    def __init__(self) -> None:
        self._events: list[tuple[float, str]] = []
        self._ledger: dict[str, str] = {}
        self._notes: dict[str, Usage] = {}
        self._settings: dict[str, str] = {}

    def append(self, event: Event, at: float) -> None:
        self._events.append((at, dump(event)))

    def pay(self, key: str, value: str, event: Event, at: float) -> None:
        """A key that was paid for before keeps its first entry; the event counts."""
        self.charge(key, event, at)
        self._ledger.setdefault(key, value)

    def paid(self, key: str) -> str | None:
        return self._ledger.get(key)

    def note(self, key: str, usage: Usage) -> None:
        self._notes[key] = usage

    def notes(self) -> Mapping[str, Usage]:
        return dict(self._notes)

    def charge(self, key: str, event: Event, at: float) -> None:
        self.append(event, at)
        self._notes.pop(key, None)

    def restart(self, event: Event, at: float) -> None:
        self._events = [(at, dump(event))]

    def events(self) -> Iterator[tuple[float, Event]]:
        """The journal as it is now; what is appended meanwhile is left out."""
        return ((at, load_event(body)) for at, body in self._events[:])

    def settings(self) -> Mapping[str, Any]:
        return {key: json.loads(body) for key, body in self._settings.items()}

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Merges key by key: a key given replaces its value, the others stay."""
        self._settings |= {key: json.dumps(value) for key, value in settings.items()}

    def close(self) -> None:
        pass
