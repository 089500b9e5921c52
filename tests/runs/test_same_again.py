"""The command that starts a run again, and the call where there is none."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

from typer.main import get_command

from langgraph_gepa import Budget
from langgraph_gepa.cli import app
from langgraph_gepa.runs.config import GIVEN_TEXTS
from langgraph_gepa.runs.same_again import example_sets, repetition
from langgraph_gepa.runs.saved_run import SavedRun


def test_a_run_of_the_command_line_is_a_command(started: Path) -> None:
    """Graph, sets, metric and model as they were named, the budget, and what is no default."""
    config = SavedRun.open(started).config
    words = shlex.split(repetition(config))
    assert words[:3] == ["langgraph-gepa", "optimize", "letters.py:graph"]
    given = dict(zip(words[3::2], words[4::2], strict=True))
    asked = {
        "--train": "train.jsonl", "--val": "val.jsonl", "--metric": "letters.py:score", "--rollouts": "40",
        "--reflection-lm": "openai:simulated-editor", "--in-flight": "1",
    }  # fmt: skip
    assert asked.items() <= given.items()


def test_every_option_of_the_command_exists(started: Path) -> None:
    """Also where each argument was given: texts by module once for each, words with spaces quoted."""
    config = replace(
        SavedRun.open(started).config,
        objective="Answer letters; it's urgent.",
        notes={"sort": "Be short."},
        frozen={"answer": ("Answer", "{name}")},
        reflection_prompt={"sort": "a whole prompt"},
        objectives={"dollars": "min"},
        perfect=10.0,
        failure_score=0.0,
        repeats=2,
        records=20,
        budget=Budget(dollars=2.5, target=0.9),
        own_project=False,
        experiments="all",
        started_from=("runs/first",),
        workers=("http://one:2024", "http://two:2024"),
    )
    words = shlex.split(repetition(config))
    command = get_command(app).commands["optimize"]  # type: ignore[attr-defined]
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words if word.startswith("--")} <= known
    assert words[words.index("--objective") + 1] == "Answer letters; it's urgent."
    assert [words[i + 1] for i, word in enumerate(words) if word == "--frozen"] == ["answer=Answer", "answer={name}"]
    assert words[words.index("--failure-score") + 1] == "0.0"
    assert "--no-own-project" in words
    assert words[words.index("--workers") + 1] == "http://one:2024,http://two:2024"
    assert words[words.index("--experiments") + 1] == "all"


def test_a_run_of_objects_is_a_call(started: Path) -> None:
    """What was an object is left open; the rest is Python."""
    config = replace(SavedRun.open(started).config, spec={}, seed=7, own_project=False, experiments="best")
    call = repetition(config)
    assert call.startswith("optimize(")
    assert "budget=Budget(rollouts=40)" in call
    assert "seed=7" in call
    assert "own_project=False, experiments='best'" in call
    compile(call, "call", "eval")


def test_a_call_has_the_proposer_the_critic_and_the_start_that_the_run_had(started: Path) -> None:
    """Each under its own name, and texts that were given are left open, for a digest of them gives nobody the texts."""
    config = replace(SavedRun.open(started).config, spec={}, proposer="5e1f", critic_model="a critic")
    call = repetition(replace(config, started_from=("runs/first", f"{GIVEN_TEXTS}a0dec8abc6a43007")))
    assert "metric=..., proposer=..., critic_lm=..., budget" in call
    assert "reflection_lm" not in call
    assert "start=['runs/first', ...]" in call


def test_sets_have_their_file_their_size_and_a_digest(started: Path) -> None:
    """The digest is that of the content: another example is another one."""
    config = SavedRun.open(started).config
    training, validation = example_sets(config)
    assert (training["set"], training["source"], training["examples"]) == ("training", "train.jsonl", 6)
    assert training["digest"] != validation["digest"]


def test_a_run_notes_when_it_began_and_with_which_versions(started: Path) -> None:
    """They stand among the settings that are shown."""
    settings = SavedRun.open(started).settings
    assert settings["began"].endswith(" UTC")
    assert {"python", "langgraph"} <= settings["versions"].keys()
