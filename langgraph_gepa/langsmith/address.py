"""Where examples are in LangSmith, as people write it.

    langsmith:NAME                    all examples of a data set, the oldest first
    langsmith:NAME@SPLIT              those of a split; of several, separated by commas
    langsmith:NAME?as_of=VERSION      as they were at a version: a tag such as prod, or a time such as 2026-05-01T12:00Z
    langsmith-runs:PROJECT            what the runs of a tracing project say (see `runs`), with any of
        ?filter=FILTER                which of them, in LangSmith's words: and(eq(name, "agent"), gt(latency, 2))
        &feedback=KEY                 the feedback that tells good runs, of several separated by commas; else any
        &good=SCORE                   from which score on it is good, 1 when left out
        &limit=N                      how many runs are read, the newest first, 200 when left out

A `@`, `?`, `&` or `%` that belongs to a name or a filter is written `%40`, `%3F`, `%26`, `%25`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, TypeGuard
from urllib.parse import unquote

from langgraph_gepa.errors import ExampleError

DATASET = "langsmith:"
RUNS = "langsmith-runs:"
OPTIONS = {DATASET: ("as_of",), RUNS: ("filter", "feedback", "good", "limit")}
SHAPES = {
    DATASET: "langsmith:NAME, langsmith:NAME@SPLIT or langsmith:NAME?as_of=VERSION",
    RUNS: "langsmith-runs:PROJECT or langsmith-runs:PROJECT?filter=...&feedback=KEY&good=SCORE&limit=N",
}


@dataclass(frozen=True, slots=True)
class DatasetAddress:
    """A data set, some of its splits, one of its versions."""

    name: str
    splits: tuple[str, ...] = ()
    as_of: str | None = None


@dataclass(frozen=True, slots=True)
class RunsAddress:
    """The newest `limit` root runs of a project, and what of their feedback says that they are good."""

    project: str
    filter: str | None = None
    feedback: tuple[str, ...] = ()
    good: float | None = None
    limit: int = 200


def is_address(source: Any) -> TypeGuard[str]:
    """Whether `source` names examples in LangSmith."""
    return isinstance(source, str) and source.startswith((DATASET, RUNS))


def parse(source: str) -> DatasetAddress | RunsAddress:
    """Raises `ExampleError` saying how it is written."""
    kind = RUNS if source.startswith(RUNS) else DATASET
    place, _, asked = source.removeprefix(kind).partition("?")
    options = _options(source, asked, OPTIONS[kind])
    if kind == RUNS:
        return RunsAddress(
            _name(source, place, RUNS),
            options.get("filter"),
            _words(options.get("feedback", "")),
            _number(source, options, "good"),
            int(_number(source, options, "limit", 1) or 200),
        )
    name, at, splits = place.partition("@")
    if at and not _words(splits):
        raise ExampleError(f"{source!r} names no split after the @. Write {SHAPES[DATASET]}.")
    return DatasetAddress(_name(source, name, DATASET), _words(unquote(splits)), options.get("as_of"))


def _name(source: str, name: str, kind: str) -> str:
    if not name.strip():
        raise ExampleError(f"{source!r} names nothing. Write {SHAPES[kind]}.")
    return unquote(name)


def _options(source: str, asked: str, known: Collection[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for part in filter(None, asked.split("&")):
        name, _, value = part.partition("=")
        if name not in known or not value:
            raise ExampleError(f"{source!r}: {part!r} is not understood. Known: {', '.join(f'{k}=' for k in known)}.")
        options[name] = unquote(value)
    return options


def _number(source: str, options: dict[str, str], name: str, least: float | None = None) -> float | None:
    try:
        number = float(options[name]) if name in options else None
    except ValueError:
        number = None
    if name in options and (number is None or (least is not None and number < least)):
        raise ExampleError(
            f"{source!r}: {name}={options[name]} must be a number{f' of {least} or more' * bool(least)}."
        )
    return number


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())
