"""Runs with a critic: `critic_lm` through `optimize`, the command line, the folder and the report."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from langgraph_gepa import Budget, Result, optimize
from langgraph_gepa.cli import app
from langgraph_gepa.errors import ModelError, UsageError
from langgraph_gepa.report.json_view import to_json
from langgraph_gepa.runs.saved_run import SavedRun

LIKELY = '{"helps": 60, "repeats": true}'


def improve(critic_lm: Any, **how: Any) -> Result:
    given: dict[str, Any] = {"reflection_lm": "openai:simulated-editor", "budget": Budget(rollouts=40), **how}
    return optimize(
        "letters.py:graph", "train.jsonl", "val.jsonl", metric="letters.py:score", critic_lm=critic_lm, in_flight=1,
        progress=False, run="run", **given,
    )  # fmt: skip


def test_a_function_judges_each_edit_and_the_run_shows_what_it_said(project: Path) -> None:
    """It reads the texts, old and new; its opinions stand in the report, its cost in an account of its own."""
    prompts: list[str] = []

    async def critic(prompt: str) -> str:
        prompts.append(prompt)
        return LIKELY

    result = improve(critic)
    spent, data = result.pool.spent, to_json(result.view)
    assert len(prompts) == spent.opinions == data["opinions"] > 0
    assert "<current_text>" in prompts[0]
    assert "<proposed_text>" in prompts[0]
    assert data["usage"]["critic"]["input_tokens"] == spent.critic.input_tokens > 0
    opinions = [opinion for one in data["iterations"] for opinion in one["opinions"].values()]
    assert {"chance": 0.6, "flaws": ("repeats",)} in opinions
    page = Path("run/report.html").read_text(encoding="utf-8")
    assert "60% (repeats)" in page
    assert re.search(r"Critic</th><td class=\"num\">\d+ opinion", page)
    assert SavedRun.open("run").config.critic_model == "critic"


def test_it_is_an_option_of_the_command_line_and_resume_has_it_again(project: Path) -> None:
    """By the model's name, which the folder keeps. A reply that says nothing is no opinion."""
    options = (
        "optimize letters.py:graph --train train.jsonl --val val.jsonl --metric letters.py:score --reflection-lm "
        "openai:simulated-editor --critic-lm openai:simulated-editor --modules answer --rollouts 40 --in-flight 1 "
        "--run run"
    )
    done = CliRunner().invoke(app, options.split())
    assert done.exit_code == 0, done.output
    before = SavedRun.open("run").pool.spent.opinions
    assert before > 0
    done = CliRunner().invoke(app, ["resume", "run", "--rollouts", "70"])
    assert done.exit_code == 0, done.output
    assert SavedRun.open("run").pool.spent.opinions > before


def test_a_critic_that_cannot_be_is_refused_before_anything_is_paid(project: Path) -> None:
    """One that is no model, and any where the search has no use for it."""
    with pytest.raises(ModelError, match="int is not a critic"):
        improve(7)
    with pytest.raises(UsageError, match="asks no critic"):
        improve(lambda _: LIKELY, search="gepa")
    assert not Path("run").exists()


def test_a_critic_that_fails_is_reported_once_and_the_run_goes_on(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug in it costs opinions, and no result."""

    def broken(_: str) -> str:
        raise KeyError("oops")

    result = improve(broken)
    assert result.view.finished
    assert result.pool.spent.opinions == 0
    assert caplog.text.count("Edits are tried without one") == 1
