"""The scoreboard: sums, means and the frontier are kept up to date, and always what the scores themselves say."""

from __future__ import annotations

from math import fsum
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.core.events import RolloutFinished, Subset
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.search.scoreboard import Scoreboard

EXAMPLES, KEYS = ("p0", "p1", "p2"), ("t0", "t1")
scores = st.integers(-8, 8).map(lambda eighths: eighths / 8)
rollouts = st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(EXAMPLES), scores, st.booleans()), max_size=12)


def finished(
    key: str, example: str, score: float, subset: Subset = "pareto", *, failed: bool = False
) -> RolloutFinished:
    error = "it failed" if failed else None
    return RolloutFinished(1, key, example, subset, score, Usage(), 0.0, f"{key} {example}", error)


def board_of(*events: RolloutFinished) -> Scoreboard:
    board = Scoreboard()
    board.begin(EXAMPLES)
    for key in KEYS:
        board.admit(key)
    for event in events:
        board.add(event)
    return board


@given(rollouts)
def test_what_is_kept_is_what_the_scores_say(ran: list[tuple[str, str, float, bool]]) -> None:
    """A failure has the lowest score by now, a pair that ran repeatedly its mean; sums, means and the best follow."""
    board = board_of(*(finished(key, example, score, failed=failed) for key, example, score, failed in ran))
    lowest = min([0.0, *(score for _, _, score, failed in ran if not failed)])
    known: dict[tuple[str, str], list[float]] = {}
    for key, example, score, failed in ran:
        known.setdefault((key, example), []).append(lowest if failed else score)
    sums, counts = board.tables()
    for row, key in enumerate(KEYS):
        means = [mean(known[key, example]) for example in EXAMPLES if (key, example) in known]
        assert board.mean(key) == (fsum(means) / len(means) if means else board.scale.range[0])
        assert counts[row].tolist() == [len(known.get((key, example), ())) for example in EXAMPLES]
        assert sums[row] == pytest.approx([fsum(known.get((key, example), ())) for example in EXAMPLES])
    for example in EXAMPLES:
        by_id = {id: mean(known[key, example]) for id, key in enumerate(KEYS) if (key, example) in known}
        best = frozenset(id for id, score in by_id.items() if score == max(by_id.values()))
        assert board.frontier.ids.get(example, frozenset()) == best


@given(rollouts)
def test_an_example_set_aside_was_never_in_the_set(ran: list[tuple[str, str, float, bool]]) -> None:
    """Later scores on it do not count either, and those on the other examples stay."""
    events = [finished(key, example, score, failed=failed) for key, example, score, failed in ran]
    board, without = board_of(*events), board_of(*(event for event in events if event.example != "p1"))
    board.leave_out("pareto", "p1", "ConnectError")
    board.add(finished("t0", "p1", 0.0))
    without.rescale(board.scale)
    assert board.set_aside == {"pareto": {"p1": "ConnectError"}}
    for key in KEYS:
        assert board.scores(key) == without.scores(key)
        assert board.mean(key) == without.mean(key)
    assert board.frontier.ids == without.frontier.ids


@pytest.mark.parametrize(("subset", "high"), [("test", 1.0), ("gate", 3.0), ("feedback", 3.0)])
def test_only_pareto_scores_judge_candidates(subset: Subset, high: float) -> None:
    """The scale learns from every other set but the test set, which must not steer a search that goes on."""
    board = board_of(finished("t0", "p0", 1.0), finished("t0", "p0", 3.0, subset))
    assert board.scores("t0") == {"p0": 1.0}
    assert board.scale.high == high


def test_a_candidate_enters_with_the_scores_that_its_texts_have() -> None:
    """Texts that ran before they were admitted are on the frontier at once."""
    board = board_of(finished("t2", "p1", 0.5))
    board.admit("t2")
    assert board.frontier.ids == {"p1": {2}}
    assert board.version > board_of(finished("t2", "p1", 0.5)).version
