"""The order of calls is that of their tasks, whichever thread was quicker."""

from __future__ import annotations

from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.adapter.tracing.call_order import TaskPosition, in_order, task_position

GRAPH = uuid4()


def task(step: int, *path: int, graph: UUID = GRAPH) -> tuple[UUID, tuple[int, ...]]:
    return graph, (step, *path)


def test_parallel_tasks_are_sorted_and_calls_within_one_stay_as_they_began() -> None:
    """The second branch began first, and called twice."""
    first, second = (task(1, 0),), (task(1, 1),)
    assert in_order([second, first, second]) == [1, 0, 2]


def test_supersteps_come_before_branches() -> None:
    """The late call of an early step stands before the next step."""
    assert in_order([(task(2, 0),), (task(1, 5),)]) == [1, 0]


def test_a_graph_within_a_task_stays_there() -> None:
    """Its own branches are sorted among themselves; calls of the task around it keep their place."""
    inner = uuid4()
    outer = task(1, 0)
    paths = [(outer,), (outer, task(1, 1, graph=inner)), (outer, task(1, 0, graph=inner)), (outer,)]
    assert in_order(paths) == [0, 2, 1, 3]


def test_runs_of_graphs_one_after_another_are_not_mixed() -> None:
    """Each run counts its steps from the start."""
    one, other = uuid4(), uuid4()
    assert in_order([(task(3, graph=one),), (task(1, graph=other),)]) == [0, 1]


@given(st.lists(st.lists(st.tuples(st.just(GRAPH), st.tuples(st.integers(0, 2))), max_size=2).map(tuple), max_size=8))
def test_every_call_stands_once(paths: list[tuple[tuple[UUID, tuple[int, ...]], ...]]) -> None:
    """Sorting loses none."""
    assert sorted(in_order(paths)) == list(range(len(paths)))


def test_a_position_is_one_deeper_in_another_task_and_the_same_in_its_own() -> None:
    """A run without a namespace of its own is where its parent is."""
    parent = uuid4()
    outer = task_position(
        {"langgraph_checkpoint_ns": "a:1", "langgraph_step": 1, "langgraph_path": ["x", 2]}, GRAPH, None
    )
    assert outer == TaskPosition("a:1", ((GRAPH, (1, (1, 0, "x"), (0, 2, ""))),))
    assert task_position({}, parent, outer) is outer
    assert task_position({"langgraph_checkpoint_ns": "a:1"}, parent, outer) is outer
    inner = task_position({"langgraph_checkpoint_ns": "a:1|b:2", "langgraph_step": 4}, parent, outer)
    assert inner.path == (*outer.path, (parent, (4,)))
