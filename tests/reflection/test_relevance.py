"""Which modules a rollout bears on, and which it gives something to learn about."""

from __future__ import annotations

from typing import Any

import pytest

from langgraph_gepa.core.module import Module
from langgraph_gepa.core.rollout import Call, Feedback, Rollout
from langgraph_gepa.reflection.relevance import bears_on, concerned, reached

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


TEAM = (
    WRITER,
    Module("judge", "prompt", "Judge.", nodes=("judge",)),
    Module("tool:find", "tool", "Finds pages.", nodes=("team/write",), tools=("find", "send")),
    Module("tool:find.query", "tool", "What to look for.", nodes=("team/write",), tools=("find", "send")),
    Module("tool:team/write/send", "tool", "Sends a page.", nodes=("team/write",), tools=("find", "send")),
)
TOOLS = ("tool:find", "tool:find.query", "tool:team/write/send")


def offering(*requested: str) -> Call:
    """A call of the writer's model, to which both tools are offered."""
    output = {"role": "ai", "content": "", "tool_calls": [{"name": name, "args": {}} for name in requested]}
    return Call("model", "team/write", "m", [], output, modules=("writer", *TOOLS))


def tool_call(name: str, *modules: str, error: str | None = None) -> Call:
    return Call("tool", "team/tools", name, {}, "", error, modules=("writer", *modules))


def team_rollout(*calls: Call, comment: str = "", **by_module: str) -> Rollout:
    named = {name.replace("__", ":"): words for name, words in by_module.items()}
    return Rollout("e", None, Feedback(0.0, comment, named), calls, nodes=("team/write", "team/tools"))


@pytest.mark.parametrize(
    ("seen", "reference", "learned"),
    [
        (team_rollout(offering()), None, {"writer"}),
        (
            team_rollout(offering("find"), tool_call("find", "tool:find", "tool:find.query")),
            None,
            {"writer", "tool:find", "tool:find.query"},
        ),
        (team_rollout(offering("send")), None, {"writer", "tool:team/write/send"}),
        (team_rollout(offering(), comment="`send` was right here."), None, {"writer", "tool:team/write/send"}),
        (team_rollout(offering(), comment="应该调用send工具。"), None, {"writer", "tool:team/write/send"}),
        (
            team_rollout(offering(), comment="Do not resend."),
            {"calls": ["find(query='x')"]},
            {"writer", "tool:find", "tool:find.query"},
        ),
        (team_rollout(offering("find"), tool_call("find", "tool:find"), judge="too lenient"), None, {"judge"}),
        (team_rollout(offering(), tool__find="was right", writer=" "), ["send"], {"tool:find"}),
        (
            team_rollout(offering("send"), tool_call("send", TOOLS[2], error="no such page"), judge="too lenient"),
            None,
            {"judge", "writer", "tool:team/write/send"},
        ),
        (team_rollout(offering(), elsewhere="too long"), None, {"writer"}),
        (Rollout("e", None, Feedback(0.0)), None, {"writer", "judge", *TOOLS}),
    ],
    ids=[
        "a tool that was merely offered", "a tool that was called, and its argument", "a tool that was asked for",
        "a tool that the comment names", "a name between letters of another script",
        "a tool that should have been called", "what the metric names and no other",
        "words on a module alone, not blank ones", "a call that failed beside what is named",
        "words on what is not optimised", "nothing was watched",
    ],
)  # fmt: skip
def test_a_rollout_teaches_about_what_is_named_or_was_used(seen: Rollout, reference: Any, learned: set[str]) -> None:
    """Feedback by module decides where there is any; else what was called, or should have been."""
    assert concerned(TEAM, seen, reference) == learned


def test_a_tool_without_a_prefix_is_known_by_its_name() -> None:
    """A module may have been named by its user."""
    plain = Module("find", "tool", "Finds pages.")
    offered = Call("model", "n", "m", [], {"role": "ai", "content": "none"}, modules=("find",))
    assert concerned([plain], Rollout("e", None, Feedback(0.0, "Call find first."), (offered,))) == {"find"}
    assert not concerned([plain], Rollout("e", None, Feedback(0.0, "Findings are missing."), (offered,)))
