"""Pools written as tables: a row per candidate, in the order of admission."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

import pytest

from langgraph_gepa.core.candidate import Candidate, texts_key
from langgraph_gepa.core.events import (
    CandidateAdmitted,
    Event,
    IterationFinished,
    IterationStarted,
    ModulesChosen,
    RolloutFinished,
    RunStarted,
    Subset,
)
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.search.pool import Pool


class Row(NamedTuple):
    """A candidate: its parents, its modules' texts (a letter each) and its score per pareto example."""

    parents: tuple[int, ...]
    texts: str
    scores: Sequence[float]
    ancestor: int | None = None


def texts_of(letters: str) -> dict[str, str]:
    return {f"m{place}": letter for place, letter in enumerate(letters)}


def rollout(letters: str, example: str, score: float, iteration: int = 0, subset: Subset = "pareto") -> RolloutFinished:
    key = texts_key(texts_of(letters))
    return RolloutFinished(iteration, key, example, subset, score, Usage(1, 1, 0.01), 0.1, f"{iteration}:{example}")


def journal(rows: Sequence[Row]) -> list[Event]:
    """What an engine would have told of `rows`, an iteration each."""
    pareto = tuple(f"p{place}" for place in range(len(rows[0].scores)))
    told: list[Event] = [RunStarted(texts_of(rows[0].texts), ("f0", "f1", "f2"), pareto)]
    for number, (parents, letters, scores, ancestor) in enumerate(rows):
        texts = texts_of(letters)
        if len(parents) == 2:
            told.append(IterationStarted(number, parents, pareto[:1], ancestor, texts))
        elif parents:
            old = rows[parents[0]].texts
            changed = next((place for place, letter in enumerate(letters) if letter != old[place]), 0)
            told.append(IterationStarted(number, parents, ("f0", "f1", "f2")))
            told.append(ModulesChosen(number, parents[0], (f"m{changed}",)))
        told += [rollout(letters, example, score, number) for example, score in zip(pareto, scores, strict=True)]
        told.append(CandidateAdmitted(number, Candidate(number, texts, parents, ancestor)))
        told.append(IterationFinished(number, "accepted"))
    return told


def random_rows(rng: Random, most: int = 9) -> list[Row]:
    """A family tree with ties, negative scores, equal texts and merges of anything with anything."""
    width, examples = rng.randint(1, 4), rng.randint(1, 6)
    levels = rng.choice([(0.0, 1.0), (-1.0, 0.0, 0.5), (0.1, 0.2, 0.3, 0.7), (0.0,)])
    rows: list[Row] = []
    for number in range(rng.randint(1, most)):
        scores = [rng.choice(levels) for _ in range(examples)]
        if not rows:
            rows.append(Row((), "a" * width, scores))
        elif number > 2 and rng.random() < 0.3:
            first, second = sorted(rng.sample(range(number), 2))
            mixed = "".join(rng.choice(pair) for pair in zip(rows[first].texts, rows[second].texts, strict=True))
            rows.append(Row((first, second), mixed, scores, 0))
        else:
            parent, place = rng.randrange(number), rng.randrange(width)
            old = rows[parent].texts
            rows.append(Row((parent,), old[:place] + rng.choice("abcd") + old[place + 1 :], scores))
    return rows


class Tables:
    """The builders above, for tests, which cannot import a conftest."""

    Row = Row
    texts_of = staticmethod(texts_of)
    rollout = staticmethod(rollout)
    journal = staticmethod(journal)
    random_rows = staticmethod(random_rows)

    @staticmethod
    def pool(*rows: Row) -> Pool:
        return Pool.replay(journal(rows))


@pytest.fixture(scope="session")
def tables() -> type[Tables]:
    return Tables


PlainSurvivors = Callable[[dict[str, set[int]], dict[int, float]], set[int]]


@pytest.fixture(scope="session")
def plain_survivors() -> PlainSurvivors:
    """Alg. 2's prune, transcribed: the scan starts again after every removal."""

    def prune(frontier: dict[str, set[int]], scores: dict[int, float]) -> set[int]:
        alive = set().union(*frontier.values())
        removed = True
        while removed:
            removed = False
            for one in sorted(alive, key=lambda id: (scores[id], id)):
                others = alive - {one}
                if all(winners & others for winners in frontier.values() if one in winners):
                    alive.remove(one)
                    removed = True
                    break
        return alive

    return prune
