"""How a run is prepared: what is refused, and the warnings about its examples."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from langgraph_gepa import Budget, Result, optimize
from langgraph_gepa.errors import UsageError
from langgraph_gepa.report.verdict import headline


def improve(run: str, valset: str | None, trainset: str = "train.jsonl") -> None:
    optimize(
        "letters.py:graph", trainset, valset, metric="letters.py:score", reflection_lm="openai:simulated-editor",
        budget=Budget(rollouts=30), run=run, progress=False,
    )  # fmt: skip


def test_a_budget_that_is_refused_leaves_no_folder(project: Path) -> None:
    """Nothing was started, so there is nothing to find."""
    with pytest.raises(UsageError, match="too small"):
        optimize(
            "letters.py:graph", "train.jsonl", "val.jsonl", metric="letters.py:score",
            reflection_lm="openai:simulated-editor", budget=Budget(rollouts=1), progress=False,
        )  # fmt: skip
    assert not (project / "runs").exists()


def test_examples_too_few_to_halve_are_warned_of(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Five examples without a valset are learned from and scored on; six, or a valset, are not."""
    lines = (project / "train.jsonl").read_text().splitlines()
    (project / "few.jsonl").write_text("\n".join(lines[:5]))
    improve("few", trainset="few.jsonl", valset=None)
    assert "5 examples cannot be halved" in caplog.text
    caplog.clear()
    improve("many", valset=None)
    improve("given", trainset="few.jsonl", valset="few.jsonl")
    assert "halved" not in caplog.text


def test_examples_in_two_sets_are_warned_of_before_anything_is_paid(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever their ids; and the verdict does not take them for evidence."""
    twins = [
        {**json.loads(line), "id": f"twin-{n}"}
        for n, line in enumerate(Path("train.jsonl").read_text().split("\n"))
        if line
    ]
    Path("twins.jsonl").write_text("\n".join(map(json.dumps, twins)))
    improve("run", valset="twins.jsonl")
    assert "The validation examples are the training examples: their scores say" in caplog.text
    view = Result.open("run").view
    assert view.best is not None
    assert view.verdict == ("learned" if view.best.id else "same")
    assert "help." not in headline(view)


def test_a_graph_that_fails_on_some_examples_is_warned_of_when_it_is_scored(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """How many, with one of the errors, while the run goes on; `show` says the same afterwards."""
    source = (
        Path("letters.py")
        .read_text()
        .replace(
            "def answer(letter: Letter) -> Letter:",
            'def answer(letter: Letter) -> Letter:\n    assert letter["letter"][-1] in "02468", "odd"',
        )
    )
    Path("letters.py").write_text(source)
    improve("run", valset="val.jsonl")
    warning = (
        r"The graph as it is fails on 3 of 6 validation examples, which score 0. "
        r"On letter-\d+: In node answer: AssertionError: odd"
    )
    assert re.search(warning, caplog.text)
    assert re.match(warning, str(Result.open("run").view.failures[0]))


@pytest.mark.parametrize(("perfect", "target"), [(None, 2.0), (3.0, 3.5)])
def test_a_target_that_no_answer_reaches_is_refused(project: Path, perfect: float | None, target: float) -> None:
    """Before anything is paid for; with `perfect` a target above 1 is one."""
    with pytest.raises(UsageError, match=f"The target {target:g} is above {perfect or 1:g}"):
        optimize(
            "letters", "train.jsonl", metric="letters.py:score", reflection_lm="openai:simulated-editor",
            budget=Budget(rollouts=30, target=target), perfect=perfect, run="run", progress=False,
        )  # fmt: skip
    assert not Path("run").exists()
