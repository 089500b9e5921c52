"""Runs whose reflections the user directs: notes, frozen parts, a reflection prompt or a proposer of their own."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from langgraph_gepa import Budget, Module, Record, Result, optimize
from langgraph_gepa.cli import app
from langgraph_gepa.core.events import RolloutFinished
from langgraph_gepa.errors import RunError, UsageError

START = (
    "optimize letters.py:graph --train train.jsonl --val val.jsonl --metric letters.py:score "
    "--reflection-lm openai:simulated-editor --rollouts 40 --in-flight 1 --run run"
)
OPTIMIZE = START.split()


def improve(reflection_lm: Any = None, **how: Any) -> Result:
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


def test_the_reflection_model_reads_what_else_counts(project: Path) -> None:
    """Which way is better, among the instructions for each module, and what each run came to."""
    prompts: list[str] = []

    def reflect(prompt: str) -> str:
        prompts.append(prompt)
        return "NO CHANGE"

    improve(reflect, objectives={"tokens": "min"}, notes={"sort": "Use one word."}, budget=Budget(iterations=3))
    assert all("Of texts that score alike the one with lower tokens is better." in prompt for prompt in prompts)
    assert all("scores: tokens " in prompt for prompt in prompts)


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
    assert f"{option} 'Be brief.' does not name a module: write MODULE=TEXT" in " ".join(wrong.output.split())


@pytest.mark.parametrize("other", [{"notes": {"sort": "Be long."}}, {"frozen": {}}, {"notes": None}])
def test_a_run_goes_on_only_with_the_same_directions(project: Path, other: dict[str, Any]) -> None:
    """What changed is named."""
    directed: dict[str, Any] = {"notes": {"sort": "Be brief."}, "frozen": {"sort": "Sort"}, "run": "run"}
    improve("openai:simulated-editor", **directed)
    with pytest.raises(RunError, match=f"the {'notes' if 'notes' in other else 'frozen parts'} changed"):
        improve("openai:simulated-editor", **{**directed, **other})


PROPOSER = """
from pathlib import Path

from langgraph_gepa import records_text


def propose(module, text, records):
    with Path("asked.txt").open("a") as file:
        file.write(f"{module.name} {len(records)}\\n")
    read = records_text(module, text, records)
    wanted = [word for word in ("urgent", "legal", "friendly", "thanks", "greetings") if f"must mention {word}" in read]
    new = [word for word in wanted if word not in text]
    return f"{text} Mention {new[0]}." if new else None
"""


def test_a_proposer_replaces_the_reflection_model(project: Path) -> None:
    """On the command line no reflection model is needed, each proposal is paid once, and `resume` finds it again."""
    Path("own.py").write_text(PROPOSER)
    start = START.replace("--reflection-lm openai:simulated-editor", "--proposer own.py:propose").split()
    first = CliRunner().invoke(app, start)
    assert not first.exit_code, first.output
    result = Result.open("run")
    asked = Path("asked.txt").read_text().splitlines()
    assert len(asked) == result.pool.spent.reflections > 0
    assert result.saved.config.reflection_model == "own.py:propose"
    assert any(len(candidate.texts["sort"]) > len("Sort the letter.") for candidate in result.pool.candidates)
    again = CliRunner().invoke(app, ["resume", "run", "--rollouts", "80"])
    assert not again.exit_code, again.output
    Path("own.py").write_text(PROPOSER.replace("new[0]", "new[-1]"))
    other = subprocess.run(
        [sys.executable, "-m", "langgraph_gepa", *start], capture_output=True, text=True, check=False
    )
    assert "the proposer changed since it was started" in " ".join(other.stderr.split())


def test_what_a_proposer_returned_is_kept_over_a_kill(project: Path) -> None:
    """Resumed, the search asks only for what it does not know."""
    asked: list[str] = []

    def propose(module: Module, text: str, records: Sequence[Record]) -> str:
        asked.append(module.name)
        return f"{text} Mention {len(asked)}."

    improve(proposer=propose, budget=Budget(iterations=2), run="run")
    before = len(asked)
    with closing(sqlite3.connect("run/run.db")) as run:  # as if it had ended right after the replies
        (last,) = run.execute("SELECT max(id) FROM events WHERE type = 'ReflectionFinished'").fetchone()
        assert run.execute("DELETE FROM events WHERE id > ?", [last]).rowcount > 0
        run.commit()
    improve(proposer=propose, budget=Budget(iterations=2), run="run")
    assert len(asked) == before > 0


def test_a_proposers_text_keeps_placeholders_and_frozen_parts(project: Path) -> None:
    """As a reflection model's; it is refused at once, with the reason."""
    result = improve(
        proposer=lambda module, text, records: "Answer kindly.", modules="answer", frozen={"answer": "Answer {name}"},
        budget=Budget(iterations=1),
    )  # fmt: skip
    (iteration,) = [one for one in result.view.iterations if one.proposals]
    assert iteration.proposals is not None
    assert iteration.proposals.refused == {"answer": "Answer kindly."}
    assert result.pool.spent.reflections == 1


def test_a_proposer_may_change_what_it_is_given(project: Path) -> None:
    """It has copies: the examples stay what the next rollout is run on."""

    def propose(module: Module, text: str, records: Sequence[Record]) -> str:
        for record in records:
            record.inputs.clear()
            record.rollout.outputs.clear()
        return f"{text} Mention {len(text)}."

    result = improve(proposer=propose, budget=Budget(iterations=4))
    assert all(example.inputs for example in result.saved.config.examples.feedback)
    assert not [event for _, event in result.saved.events if isinstance(event, RolloutFinished) and event.error]


def test_goals_need_a_place_in_a_prompt_of_ones_own(project: Path) -> None:
    """They stand among the notes; a prompt that would drop them is refused."""
    template = "{text} {records} {reply}"
    with pytest.raises(UsageError, match=r"it lacks \{notes\}"):
        improve(lambda _: "NO CHANGE", reflection_prompt=template, objectives={"score": 1, "tokens": "min"})


def test_new_texts_have_one_source(project: Path) -> None:
    """None, two, and what only a reflection model could use are errors."""
    with pytest.raises(UsageError, match="Nothing proposes new texts"):
        improve()
    for given in ({"reflection_lm": "openai:gpt-5"}, {"notes": {"sort": "x"}}, {"reflection_prompt": "x"}):
        with pytest.raises(UsageError, match=f"{next(iter(given))} is for a reflection model"):
            improve(proposer=lambda *_: None, **given)
