"""Parses the addresses of examples in LangSmith.

    langsmith:NAME                    all examples of a data set, the oldest first
    langsmith:NAME@SPLIT              those of a split, or of several separated by commas
    langsmith:NAME?as_of=VERSION      as they were at a version: a tag such as prod, or a time such as 2026-05-01T12:00Z
    langsmith-runs:PROJECT            the runs of a tracing project (see `runs`), with any of
        ?filter=FILTER                only some of them, in LangSmith's syntax: and(eq(name, "agent"), gt(latency, 2))
        &feedback=KEY                 the feedback that marks good runs, or several separated by commas; by default any
        &good=SCORE                   the lowest good score, by default 1
        &limit=N                      the number of runs, the newest first, by default 200

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
    """A data set, or some of its splits, at its newest version or at `as_of`."""

    name: str
    splits: tuple[str, ...] = ()
    as_of: str | None = None


@dataclass(frozen=True, slots=True)
class RunsAddress:
    """The newest `limit` root runs of a project, and the feedback and score that mark good ones."""

    project: str
    filter: str | None = None
    feedback: tuple[str, ...] = ()
    good: float | None = None
    limit: int = 200


def is_address(source: Any) -> TypeGuard[str]:
    """Whether `source` names examples in LangSmith."""
    return isinstance(source, str) and source.startswith((DATASET, RUNS))


def is_dataset(source: Any) -> bool:
    """Whether `source` names a data set in LangSmith, whose examples have its ids."""
    return isinstance(source, str) and source.startswith(DATASET)


def parse(source: str) -> DatasetAddress | RunsAddress:
    """Parses an address. Raises `ExampleError` with the right form for one that is malformed."""
    kind = RUNS if source.startswith(RUNS) else DATASET
    place, _, query = source.removeprefix(kind).partition("?")
    options = _options(source, query, OPTIONS[kind])
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


def _options(source: str, query: str, known: Collection[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for part in filter(None, query.split("&")):
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
