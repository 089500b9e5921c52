"""What a rollout would do, told without doing it."""

from __future__ import annotations

import pytest

from langgraph_gepa.agent.runner import RunnerOptions
from langgraph_gepa.demo.stage import helpdesk_demo
from langgraph_gepa.dry_run import dry_run
from langgraph_gepa.errors import UsageError


def test_a_dry_run_tells_what_is_real_and_runs_nothing() -> None:
    """Tools with their fate, models with their price, and what is wrong with what was asked."""
    with helpdesk_demo() as demo:
        options = RunnerOptions(tools={"issue_refund": lambda **_: "refunded"}, timeout=30)
        told = dry_run(demo.graph, demo.trainset, options=options)
        runs = {tool.name: tool.runs for tool in told.tools}
        assert runs["issue_refund"] == "stand-in"
        assert runs["look_up_order"] == "real"
        assert runs["cancel_order"] == "real"
        assert "cancel_order" in told.risky
        assert not {"issue_refund", "look_up_order"} & set(told.risky)
        assert told.models == ("simulated-agent",)
        assert told.unpriced == ("simulated-agent",)
        text = str(told)
        assert "issue_refund: stand-in" in text
        assert "cancel_order: real  (it may cancel something outside)" in text
        assert "at most   30 seconds" in text
        with pytest.raises(UsageError, match="no tool called refund"):
            dry_run(demo.graph, options=RunnerOptions(tools={"refund": len}))
