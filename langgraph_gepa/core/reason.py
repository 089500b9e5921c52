"""Why a module's text cannot be replaced, and how it is replaced where no object holds it: codes and their sentences.

Runs keep the code and its detail; `str` makes the sentence where one is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

NoEffect = Literal["stale", "varies", "alters", "breaks"]
"""Why a new text of a module is of no use, as rollouts proved: see `NO_EFFECT`."""

NO_EFFECT: Mapping[str, str] = {
    "stale": "changing it has no effect: the model is sent a copy that was made before the change",
    "varies": "its words change from run to run, so that they are not found again to be replaced",
    "alters": "changing it changes more than its words: other parts of the message are lost with them",
    "breaks": "the graph fails when it is changed, whatever the new text says",
}


class Obstacle(StrEnum):
    """Why a text cannot be replaced."""

    BROKEN_TEMPLATE = "broken_template"
    """It is no template of its language; the detail says why."""
    FILLED_TWICE = "filled_twice"
    """An f-string that is filled again."""
    FOREIGN_TEMPLATE = "foreign_template"
    """Its language of templates is not known."""
    FILLED_AGAIN = "filled_again"
    """What comes of a declared prompt is filled again."""
    CHANGES = "changes"
    """A declared prompt has another text in every call."""
    DECLARED_TWICE = "declared_twice"
    """Two texts are declared under one name; the detail says where."""
    REWRITTEN = "rewritten"
    """A regular expression rewrites it after it is read from its file."""
    LOGIC = "logic"
    """It is read from its file, and its template has logic that messages do not show."""
    SEVERAL_PLACES = "several_places"
    """Several files hold it; the detail says which."""
    SEEN_ONCE = "seen_once"
    """Only one example shows it, which does not tell what of it is constant."""
    EMPTY_STORE = "empty_store"
    """It is in the graph's own store, which rollouts do not read."""
    NO_EFFECT = "no_effect"
    """Rollouts proved that a new text is of no use; the detail is the `NoEffect`."""
    OTHER = "other"
    """The detail says why: the sentence that an earlier version kept."""


class ReadFrom(StrEnum):
    """Where a text comes from that no object of the graph holds. It is replaced in messages on their way."""

    FILE = "file"
    LINES = "lines"
    """Some lines of a file."""
    STORE = "store"
    """The graph's store; the detail says under which keys."""
    HUB = "hub"
    """LangSmith's prompt hub, whenever the graph runs."""
    UNKNOWN = "unknown"
    OTHER = "other"
    """The detail says it: the sentence that an earlier version kept."""


_OBSTACLES: Mapping[Obstacle, str] = {
    Obstacle.BROKEN_TEMPLATE: "{detail}",
    Obstacle.FILLED_TWICE: "an f-string that is filled again: which of its placeholders are filled when is not known",
    Obstacle.FOREIGN_TEMPLATE: (
        "it is filled in by a language of templates, or a syntax of jinja2, that the code does not show"
    ),
    Obstacle.FILLED_AGAIN: (
        "what comes of it is filled in once more, or by a jinja2 environment of the program's: neither can be checked"
    ),
    Obstacle.CHANGES: "its text is another from call to call: give the template, and fill it with .format()",
    Obstacle.DECLARED_TWICE: "two texts are declared under this name, in {detail}",
    Obstacle.REWRITTEN: (
        "the code that reads it rewrites it by a regular expression: give examples, so that what a model is sent is "
        "seen"
    ),
    Obstacle.LOGIC: (
        "it is read when the graph runs and has logic in it: what it said cannot be recognised in the messages"
    ),
    Obstacle.SEVERAL_PLACES: "several places hold it ({detail}), and which one is read is not known",
    Obstacle.SEEN_ONCE: (
        "it was seen in one example only: what of it stays the same for others is not known; watch more examples"
    ),
    Obstacle.EMPTY_STORE: (
        "it is in the graph's store, and rollouts start with an empty one: give "
        "RunnerOptions(store=...) a function that makes a store with it"
    ),
    Obstacle.OTHER: "{detail}",
}
_SOURCES: Mapping[ReadFrom, str] = {
    ReadFrom.FILE: "read from its file when the graph runs: replaced in the messages on their way to the model",
    ReadFrom.LINES: (
        "some lines of its file, read when the graph runs: replaced in the messages on their way to the model"
    ),
    ReadFrom.STORE: "read from the graph's store ({detail}): replaced in the messages on their way to the model",
    ReadFrom.HUB: (
        "pulled from LangSmith's prompt hub when the graph runs: replaced in the messages on their way to the model"
    ),
    ReadFrom.UNKNOWN: "reached a model from nowhere known: replaced in the messages on their way to the model",
    ReadFrom.OTHER: "{detail}",
}
_OLD_NOTES: Mapping[str, ReadFrom] = {
    "read from its file when the graph runs: replaced in the messages on their way to the model": ReadFrom.FILE,
    "some lines of its file, read when the graph runs: replaced in the messages on their way to the model": (
        ReadFrom.LINES
    ),
    "reached a model from nowhere known: replaced in the messages on their way to the model": ReadFrom.UNKNOWN,
}
"""What earlier versions kept in place of the codes that decide something when a run is read again."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a module's text cannot be replaced. `str` gives the sentence."""

    code: Obstacle
    detail: str = ""

    def __str__(self) -> str:
        if self.code is Obstacle.NO_EFFECT:
            return NO_EFFECT.get(self.detail, self.detail)
        return _OBSTACLES[self.code].format(detail=self.detail)

    @classmethod
    def kept(cls, value: object) -> object:
        """The value as a run keeps it; a run of an earlier version kept the sentence, empty for no reason."""
        return (cls(Obstacle.OTHER, value) if value else None) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Note:
    """How a module's text is replaced where no object holds it. `str` gives the sentence."""

    code: ReadFrom
    detail: str = ""

    def __str__(self) -> str:
        return _SOURCES[self.code].format(detail=self.detail)

    @classmethod
    def kept(cls, value: object) -> object:
        """The value as a run keeps it; a run of an earlier version kept the sentence, empty for none."""
        if not isinstance(value, str):
            return value
        known = _OLD_NOTES.get(value)
        return (cls(ReadFrom.OTHER, value) if value else None) if known is None else cls(known)
