"""Laws of the frontier, which is kept up score by score."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.search.frontier import Frontier

SCORES = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.sampled_from([0.0, 0.5, 1.0])), max_size=20)


@given(SCORES)
def test_the_frontier_is_the_best_on_each_example(entered: list[tuple[str, int, float]]) -> None:
    """Whatever the order of scores, it is what a search through all of them finds, by example and by candidate."""
    frontier = Frontier({"a": 0, "b": 1}, [0] * 4)
    known: dict[str, dict[int, float]] = {}
    for example, id, score in entered:
        if id not in known.setdefault(example, {}):
            known[example][id] = score
            frontier.enter(example, id, score)
    best = {e: {id for id, score in of.items() if score == max(of.values())} for e, of in known.items()}
    assert frontier.ids == best
    bits = [sum(1 << "ab".index(example) for example, ids in best.items() if id in ids) for id in range(4)]
    assert frontier.wins == bits


def test_a_changed_score_is_compared_again() -> None:
    """Who was best may not be best any more."""
    frontier = Frontier({"a": 0}, [0, 0])
    frontier.enter("a", 0, 1.0)
    frontier.refresh("a", [(0, 0.25), (1, 0.5)])
    assert (frontier.ids, frontier.wins) == ({"a": {1}}, [0, 1])
