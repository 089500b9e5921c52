"""How a run begins: where it is kept, and what is said of what was asked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from langgraph_gepa import Budget, optimize
from langgraph_gepa.api import _new_folder


def improve(run: str, valset: str | None, trainset: str = "train.jsonl") -> None:
    optimize(
        "letters.py:graph", trainset, valset, metric="letters.py:score", reflection_lm="openai:simulated-editor",
        budget=Budget(rollouts=30), run=run, progress=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "graph", "folder"),
    [
        ("letters", "letters.py:graph", "letters"),
        ("LangGraph", "src/desk.py:graph", "desk"),
        ("LangGraph", "company.agents.desk:agent", "desk"),
        ("LangGraph", "src/desk.py:support", "support"),
        ("LangGraph", "desk", "desk"),
        ("LangGraph", object(), "LangGraph"),
        ("a name / with signs", object(), "a-name-with-signs"),
    ],
)
def test_a_new_folder_is_named_after_the_graph(name: str, graph: Any, folder: str) -> None:
    """By its own name; one that was given none by where it is."""
    assert re.fullmatch(rf"{folder}-\d{{8}}-\d{{6}}", _new_folder(name, graph).name)


def test_examples_too_few_to_halve_are_said_to_be_both(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Five examples without a valset are learned from and scored on; six, or a valset, are not."""
    lines = (project / "train.jsonl").read_text().splitlines()
    (project / "few.jsonl").write_text("\n".join(lines[:5]))
    improve("few", trainset="few.jsonl", valset=None)
    assert "5 examples cannot be halved" in caplog.text
    caplog.clear()
    improve("many", valset=None)
    improve("given", trainset="few.jsonl", valset="few.jsonl")
    assert "halved" not in caplog.text
