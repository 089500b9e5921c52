"""Which modules a rollout bears on."""

from __future__ import annotations

import pytest

from langgraph_gepa.core.module import Module
from langgraph_gepa.core.rollout import Call, Feedback, Rollout
from langgraph_gepa.reflection.relevance import bears_on, reached

WRITER = Module("writer", "prompt", "Write.", nodes=("team/write",))


def rollout(*calls: Call, nodes: tuple[str, ...] = (), **by_module: str) -> Rollout:
    return Rollout("e", None, Feedback(0.0, by_module=by_module), calls, nodes=nodes)


def call(node: str, *modules: str) -> Call:
    return Call("model", node, "m", [], modules=modules)


@pytest.mark.parametrize(
    ("seen", "bears"),
    [
        (rollout(call("team/write", "writer")), True),
        (rollout(call("elsewhere", "writer")), True),
        (rollout(call("elsewhere", "judge"), writer="too long"), True),
        (rollout(call("team/write", "judge"), nodes=("team", "team/write")), False),
        (rollout(call("team/write/agent", "judge"), nodes=("team", "team/write")), False),
        (rollout(call("write", "judge"), nodes=("team", "team/write")), False),
        (rollout(call("elsewhere", "judge"), nodes=("elsewhere",)), False),
        (rollout(call("elsewhere", "judge"), nodes=("elsewhere", "team/write")), True),
        (rollout(nodes=("team/write",)), True),
        (rollout(nodes=("team",)), False),
        (rollout(), True),
        (rollout(call("elsewhere", "judge")), False),
    ],
    ids=[
        "its call", "its text in another node", "named by the metric", "another's call in its node",
        "another's call within its node", "another's call in its node, in a run of its own",
        "its node did not run", "its node ran and its calls were not seen",
        "no calls were seen, its node ran", "no calls were seen, its node did not run", "nothing is known",
        "an old rollout, without the nodes that ran",
    ],
)  # fmt: skip
def test_a_rollout_bears_on_a_module_it_used_or_may_have_used(seen: Rollout, bears: bool) -> None:
    """A call, a word of the metric, or a node that ran unseen; not a node that never ran or used another text."""
    assert bears_on(WRITER, seen) is bears


def test_one_rollout_of_several_is_enough() -> None:
    """A module is reached when any of the rollouts bears on it."""
    judge = Module("judge", "prompt", "Judge.", nodes=("judge",))
    rollouts = [rollout(call("a", "x")), rollout(call("team/write", "writer"))]
    assert reached([WRITER, judge], rollouts) == {"writer"}


def test_a_node_whose_calls_are_seen_elsewhere_made_none_where_none_is_seen() -> None:
    """It ran without a model there: nothing of what came of it is its prompt's doing."""
    seen = rollout(call("team/write", "judge"), nodes=("team/write",))
    assert reached([WRITER], [seen, rollout(nodes=("team/write",))]) == frozenset()


def test_a_call_within_a_graph_that_a_node_makes_is_seen_at_that_node() -> None:
    """It stands at a node of the inner graph, and carries a text that only the outer node has."""
    rules = Module("rules", "prompt", "Be brief.", nodes=("team/write",))
    assert reached([WRITER, rules], [rollout(call("extract", "rules"), nodes=("team/write", "extract"))]) == {"rules"}
