"""What the results and the page about the programs claim: models are called simulated wherever no model was behind."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import paper
import paper_table
import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "evals" / "results").glob("*.json"))
PAGE = (ROOT / "docs" / "programs.md").read_text(encoding="utf-8")
FIGURE = re.compile(r"(?<![\w.-])\d*\.\d|\d ?%|\d+ (seconds|minutes|rollouts)")
"""What looks measured: scores, shares and what a run took."""


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def results(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request.param.read_text(encoding="utf-8"))
    return found | {"file": request.param}


def test_every_program_has_a_table() -> None:
    """Each benchmark was run whole, with every row that can be run on it."""
    assert {file.stem for file in FILES} >= {f"{name}-simulated" for name in paper.BENCHMARKS}


def test_a_table_is_what_its_results_say(results: dict[str, Any]) -> None:
    """Nobody writes a table by hand: it follows from the results beside it, each with date, versions and command."""
    assert results["file"].with_suffix(".md").read_text(encoding="utf-8") == paper_table.table(results)
    assert results["command"].startswith("python evals/paper.py --benchmark")
    assert all({"date", "versions", "scores"} <= row.keys() for row in results["rows"])


def test_simulated_models_are_called_so(results: dict[str, Any]) -> None:
    """Name, title, first words and every model of a simulated table say so, and no other table has such a model."""
    settings, title = results["settings"], paper_table.table(results).splitlines()[0]
    marks = [
        results["file"].stem.endswith("-simulated"),
        "SIMULATED" in title,
        "Simulated: no model is behind these figures." in paper_table.table(results),
        *("simulated" in model for model in [*settings["models"].values(), settings["reflection_lm"]]),
    ]
    assert set(marks) == {settings["simulated"]}


def test_the_page_has_the_results_figures() -> None:
    """The overview on the page about the programs is that of the result files."""
    assert paper_table.overview(json.loads(file.read_text(encoding="utf-8")) for file in FILES) in PAGE


def test_every_figure_on_the_page_is_called_simulated() -> None:
    """A section that gives a measured figure has the word in its heading; the overview names the models by line."""
    sections = re.split(r"^(?=#)", PAGE, flags=re.MULTILINE)
    measured = [section for section in sections if FIGURE.search(section)]
    assert measured
    for section in measured:
        assert "simulated" in section.splitlines()[0]
