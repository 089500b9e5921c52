"""Runs whose reflections the user directs: notes, frozen parts, a reflection prompt of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from langgraph_gepa import Budget, Result, optimize
from langgraph_gepa.cli import app
from langgraph_gepa.errors import RunError

START = (
    "optimize letters.py:graph --train train.jsonl --val val.jsonl --metric letters.py:score "
    "--reflection-lm openai:simulated-editor --rollouts 40 --in-flight 1 --run run"
)
OPTIMIZE = START.split()


def improve(reflection_lm: Any, **how: Any) -> Result:
    return optimize(
        "letters.py:graph", "train.jsonl", "val.jsonl", metric="letters.py:score", reflection_lm=reflection_lm,
        **{"budget": Budget(rollouts=40), "in_flight": 1, "progress": False, **how},
    )  # fmt: skip


def test_the_reflection_model_reads_the_users_own_prompt_and_notes(project: Path) -> None:
    """Each module's reflections read what is for it, and nothing of what is for another."""
    prompts: list[str] = []

    def reflect(prompt: str) -> str:
        prompts.append(prompt)
        return "NO CHANGE"

    template = "Edit with care.\n{module}\n{text}\n{records}\n{notes}\n{reply}"
    improve(reflect, reflection_prompt=template, notes={"sort": "Use one word."}, budget=Budget(iterations=6))
    assert all(prompt.startswith("Edit with care.\n<module name=") for prompt in prompts)
    assert {('<module name="sort"' in prompt, "Use one word." in prompt) for prompt in prompts} == {
        (True, True),
        (False, False),
    }


def test_a_text_that_touches_a_frozen_part_is_sent_back_once_and_never_run(project: Path) -> None:
    """With the part that is missing; a second such text ends the proposal."""
    prompts: list[str] = []

    def reflect(prompt: str) -> str:
        prompts.append(prompt)
        return "```\nRead the letter, then name its sort. Mention urgent.\n```"

    result = improve(reflect, modules="sort", frozen={"sort": "Sort the letter"}, budget=Budget(iterations=1))
    assert "<frozen>\nSort the letter\n</frozen>" in prompts[0]
    assert "to stay exactly as before: 'Sort the letter'</broken>" in prompts[1]
    assert len(prompts) == 2
    (iteration,) = [one for one in result.view.iterations if one.proposals]
    assert iteration.proposals is not None
    assert "Mention urgent" in iteration.proposals.refused["sort"]
    assert len(result.pool.candidates) == 1


def test_the_command_line_directs_and_a_resumed_run_keeps_it(project: Path) -> None:
    """Options any number of times; `resume` needs none of them, other ones are another run."""
    Path("reflect.txt").write_text("Edit with care.\n{text}\n{records}\n{frozen}\n{notes}\n{reply}")
    directed = [
        "--reflection-prompt", "reflect.txt", "--note", "sort=Use one word.", "--note", "sort=Be brief.",
        "--frozen", "answer=Answer {name}", "--frozen", "sort=Sort",
    ]  # fmt: skip
    first = CliRunner().invoke(app, [*OPTIMIZE, *directed])
    assert not first.exit_code, first.output
    config = Result.open("run").saved.config
    assert config.notes == {"sort": "Use one word.\nBe brief."}
    assert config.frozen == {"sort": ("Sort",), "answer": ("Answer {name}",)}
    assert set(config.reflection_prompt) == {"sort", "answer"}
    Path("reflect.txt").unlink()
    again = CliRunner().invoke(app, ["resume", "run", "--rollouts", "80"])
    assert not again.exit_code, again.output
    other = CliRunner().invoke(app, [*OPTIMIZE, *directed[2:]])
    assert "the reflection prompt changed since it was started" in " ".join(other.output.split())


@pytest.mark.parametrize("option", ["--note", "--frozen"])
def test_an_option_without_a_module_says_how_to_write_it(project: Path, option: str) -> None:
    """Before the graph is loaded."""
    wrong = CliRunner().invoke(app, [*OPTIMIZE, option, "Be brief."])
    assert wrong.exit_code == 2
    assert f"{option} 'Be brief.' names no module: write MODULE=TEXT" in " ".join(wrong.output.split())


@pytest.mark.parametrize("other", [{"notes": {"sort": "Be long."}}, {"frozen": {}}, {"notes": None}])
def test_a_run_goes_on_only_with_the_same_directions(project: Path, other: dict[str, Any]) -> None:
    """What changed is named."""
    directed: dict[str, Any] = {"notes": {"sort": "Be brief."}, "frozen": {"sort": "Sort"}, "run": "run"}
    improve("openai:simulated-editor", **directed)
    with pytest.raises(RunError, match=f"the {'notes' if 'notes' in other else 'frozen parts'} changed"):
        improve("openai:simulated-editor", **{**directed, **other})
