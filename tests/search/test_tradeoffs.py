"""Trade-offs between the score and other objectives, and the choice of a candidate by a rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.core.events import Event, RolloutFinished
from langgraph_gepa.core.objectives import length_of
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.tradeoffs import Tradeoff, cheapest, goals_of, standings, undominated


def pool_of(tables: Any, *rows: tuple[str, Sequence[float], Sequence[Mapping[str, float]]]) -> Pool:
    """Candidates with these texts, each a child of the first, their scores and objectives by example."""
    built = [tables.Row((0,) if n else (), letters, scores) for n, (letters, scores, _) in enumerate(rows)]
    found = {(n, f"p{place}"): values for n, (_, _, given) in enumerate(rows) for place, values in enumerate(given)}

    def measured(event: Event) -> Event:
        if not isinstance(event, RolloutFinished):
            return event
        return replace(event, objectives=found.get((event.iteration, event.example), {}))

    events = [measured(event) for event in tables.journal(built)]
    missing = [e for e in events if isinstance(e, RolloutFinished) and (e.iteration, e.example) not in found]
    return Pool.replay([event for event in events if event not in missing])


def costing(*dollars: float) -> list[dict[str, float]]:
    return [{"dollars": one, "tokens": 100 * one} for one in dollars]


def test_means_are_measured_and_what_is_missing_is_estimated(tables: Any) -> None:
    """A candidate that was stopped on the cheap examples is not taken for cheap: the others ran there too."""
    prices = [1.0] * 6 + [9.0] * 6
    stopped = ("b", [1.0] * 12, costing(*[1.1] * 6))
    pool = pool_of(tables, ("a", [0.5] * 12, costing(*prices)), stopped)
    seed, child = standings(pool)
    assert (seed.validation["dollars"], seed.estimated, child.estimated) == (5.0, False, True)
    assert child.validation["dollars"] == pytest.approx(5.1)
    assert seed.validation["prompt_length"] == length_of({"m0": "a"}) == 1.0


def test_what_failed_has_the_lowest_value_of_the_metrics_scores_and_its_own_cost(tables: Any) -> None:
    """So that a graph which fails is good in no score."""
    pool = pool_of(tables, ("a", [0.5] * 2, [{"style": -0.5, "dollars": 1.0}, {"style": 1.0, "dollars": 1.0}]))
    key, failed = pool.candidates[0].key, {"dollars": 0.25}
    pool.apply(RolloutFinished(1, key, "p0", "test", 0.0, Usage(), 1.0, "k", "boom", objectives=failed))
    values = {name: known["p0"] for name, known in pool.objectives.values("test", key).items()}
    assert values == {"style": -0.5, "dollars": 0.25}


def test_runs_of_earlier_versions_have_what_their_events_tell(tables: Any) -> None:
    """Their usage and time; nothing of a rollout that was paid for in another set."""
    pool = Pool.replay(tables.journal([tables.Row((), "a", [0.5, 0.5])]))
    (seed,) = standings(pool)
    assert {name: seed.validation[name] for name in ("tokens", "dollars")} == {"tokens": 2.0, "dollars": 0.01}
    assert seed.validation["seconds"] == pytest.approx(0.1)


def some(*rows: tuple[float, float]) -> list[Tradeoff]:
    return [Tradeoff(id, {"score": score, "dollars": cost}, {}) for id, (score, cost) in enumerate(rows)]


rows = st.lists(st.tuples(st.sampled_from([0.1, 0.2, 0.3]), st.sampled_from([1.0, 2.0, 3.0])), min_size=1, max_size=8)


@given(rows)
def test_the_trade_offs_are_those_that_no_other_one_dominates(rows: list[tuple[float, float]]) -> None:
    """Each candidate that is left out has one beside it that is at least as good in both; none that is kept has."""
    known = some(*rows)
    kept = undominated(known, {"score": "max", "dollars": "min"})
    points = [rows[one.candidate] for one in kept]
    assert len(set(points)) == len(points)
    for score, cost in rows:
        assert any(s >= score and c <= cost for s, c in points)
    for score, cost in points:
        assert not any(s >= score and c <= cost and (s, c) != (score, cost) for s, c in rows)


@given(rows, st.sampled_from([0.0, 0.1, 5.0]))
def test_the_cheapest_within_reach_of_the_best_is_a_trade_off(rows: list[tuple[float, float]], within: float) -> None:
    """It is no further from the best score than that, and none so near is cheaper."""
    known = some(*rows)
    one = cheapest(known, "dollars", "min", within)
    highest = max(score for score, _ in rows)
    near = [cost for score, cost in rows if score >= highest - within - 1e-9 * max(highest, within)]
    assert one.validation["dollars"] == min(near)
    assert one in undominated(known, {"score": "max", "dollars": "min"})


def test_what_counts_beside_the_score_is_the_price_or_the_tokens(tables: Any) -> None:
    """Dollars where they are known and not zero, as they are on a simulated model."""
    priced = pool_of(tables, ("a", [0.5], costing(1.0)))
    assert goals_of(priced, standings(priced)) == {"score": "max", "dollars": "min"}
    free = pool_of(tables, ("a", [0.5], costing(0.0)))
    assert goals_of(free, standings(free)) == {"score": "max", "tokens": "min"}
