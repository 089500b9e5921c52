"""The paper's table: one command, whole on simulated models, and it goes on where it stopped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dspy_programs
import hotpotqa
import paper
import paper_table
import pytest
from paper_rows import ROWS, Cost
from sources import write_lines

from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.errors import ModelError, UsageError

SCRIPT = Path(__file__).parents[2] / "evals" / "paper.py"
HOTPOTQA = ("--benchmark", "hotpotqa", "--budget", "24")
OURS = "gepa (ours)"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A handful of the shipped questions; the corpus is the shipped one."""
    folder = tmp_path / "data"
    folder.mkdir()
    for name, size in {"train": 6, "val": 6, "test": 4}.items():
        write_lines(folder / f"{name}.jsonl", getattr(hotpotqa, f"{name}set")()[:size])
    return folder


def ran(out: Path, *arguments: str | Path) -> tuple[dict[str, Any], str, str]:
    """What the command wrote: its results, its page and its messages. It has no key."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI", "HOTPOTQA"))}
    done = subprocess.run(
        [sys.executable, SCRIPT, *HOTPOTQA, "--out", out, *arguments], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    page = (out / "hotpotqa-simulated.md").read_text(encoding="utf-8")
    assert page.strip() == done.stdout.strip()
    return json.loads((out / "hotpotqa-simulated.json").read_text(encoding="utf-8")), page, done.stderr


def test_one_command_fills_the_table_and_goes_on(tmp_path: Path, data: Path) -> None:
    """Without a key it runs on simulated models. Rows that are there stay, an interrupted one ends as it would have
    and pays for nothing twice, and others are added."""
    pytest.importorskip("gepa", reason="it needs the gepa extra")
    first, page, messages = ran(tmp_path / "out", "--data", data, "--rows", f"seed,{OURS}")
    assert "SIMULATED" in page.splitlines()[0]
    assert "OPENAI_API_KEY" in messages
    seed, ours = first["rows"]
    file = tmp_path / "out" / "hotpotqa-simulated.json"
    file.write_text(json.dumps(first | {"rows": [seed | {"kept": True}]}), encoding="utf-8")

    again, page, messages = ran(tmp_path / "out", "--data", data)
    assert again["rows"][:2] == [seed | {"kept": True}, ours]
    assert "seed, seed 0" not in messages
    assert {row["row"] for row in again["rows"]} | again["skipped"].keys() == ROWS.keys()
    for row in again["rows"]:
        assert len(row["scores"]) == 4
        assert (row["rollouts"] > 0) == (row["tokens"] > 0) == (row["row"] != "seed")
    assert all(f"Not run: {name}. " in page for name in again["skipped"])


def results(**settings: Any) -> dict[str, Any]:
    row = {"budget": 500, "date": "2026-01-02", "rollouts": 498, "reflections": 20, "tokens": 90_000, "minutes": 3.2,
           "dollars": 0.5, "prompt_characters": 1200, "seed": 0, "versions": {"gepa": "0.1.4"}}  # fmt: skip
    return {
        "settings": {"benchmark": "hotpotqa", "simulated": False, "models": {"HOTPOTQA_MODEL": "openai:m"},
                     "reflection_lm": "openai:r",
                     "kinds": ["prompt"], "examples": {"train": 2, "val": 2, "test": 2}} | settings,
        "skipped": {"dspy.GEPA": "DSPy is not installed"},
        "command": "python evals/paper.py",
        "rows": [
            row | {"row": "seed", "budget": 0, "scores": [0.0, 0.0]},
            row | {"row": OURS, "scores": [1.0, 0.0]},
            row | {"row": OURS, "scores": [0.0, 0.0], "seed": 1, "dollars": None, "versions": {"gepa": "0.1.5"}},
        ],
    }  # fmt: skip


def test_the_table_says_what_was_measured_and_what_is_quoted() -> None:
    """Measured rows are means over seeds with intervals; the paper's figures carry its name and no interval."""
    lines = paper_table.table(results()).splitlines()
    assert lines[0] == "# hotpotqa: openai:m"
    ours = next(line for line in lines if line.startswith(f"| {OURS}"))
    assert "| 500 | 2 | 25.0 [" in ours
    assert ours.endswith("| +25.0 [" + ours.partition("+25.0 [")[2])
    assert "| 498 | 20 | 90,000 | – | 3.2 | 1,200 |" in ours
    quoted = [line for line in lines if line.startswith("| quoted: ")]
    assert any("GRPO, Qwen3 8B" in line and "43.33" in line for line in quoted)
    assert not any("[" in line for line in quoted)
    assert any("arXiv 2507.19457" in line and "not measured here" in line for line in lines)
    assert "Not run: dspy.GEPA. DSPy is not installed." in lines
    assert "Run on 2026-01-02 with gepa 0.1.4 and 0.1.5:" in lines


def test_simulated_figures_are_called_so() -> None:
    """Title and first sentence of a simulated table say that no model is behind it."""
    lines = paper_table.table(results(simulated=True)).splitlines()
    assert "SIMULATED" in lines[0]
    assert lines[2].startswith("Simulated: no model is behind these figures.")


def test_a_benchmark_that_the_paper_lacks_quotes_nothing() -> None:
    """BFCL has no row of the paper's, and the page says so."""
    page = paper_table.table(results(benchmark="bfcl"))
    assert "| quoted" not in page
    assert "The paper has no figures for this benchmark." in page


def test_other_settings_need_another_folder(tmp_path: Path) -> None:
    """Rows of other models or examples never stand in one table."""
    page = tmp_path / "table.md"
    (tmp_path / "table.json").write_text(json.dumps(results()), encoding="utf-8")
    paper.Results(page, {"models": {"HOTPOTQA_MODEL": "openai:m"}}, "")
    with pytest.raises(UsageError, match=r"other settings \(models\). Give another folder with --out"):
        paper.Results(page, {"models": {"HOTPOTQA_MODEL": "openai:other"}}, "")


@pytest.mark.parametrize("wrong", [["--rows", "sed"], ["--budget-of", "racing"], ["--budget-of", "seed=3"]])
def test_wrong_arguments_are_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A row that does not exist or a budget without a number ends the command before anything runs."""
    with pytest.raises(SystemExit):
        paper.arguments([*HOTPOTQA, *wrong])
    assert "error" in capsys.readouterr().err


def test_a_row_has_a_budget_of_its_own() -> None:
    """`--budget-of` changes one row's budget, and the seed's row has none."""
    budgets = paper.arguments([*HOTPOTQA, "--budget-of", f"{OURS}=90"]).budgets
    assert (budgets[OURS], budgets["racing (ours)"], budgets["seed"]) == (90, 24, 0)


def test_dspy_rows_say_why_they_are_left_out() -> None:
    """A program that is not written in DSPy is named as the reason, and so are those that are."""
    assert "hover is not written in DSPy; those of hotpotqa and aime are" in (
        dspy_programs.obstacle("GEPA", "hover") or ""
    )


@pytest.mark.parametrize("name", paper.BENCHMARKS)
def test_every_program_can_be_run(name: str) -> None:
    """Each benchmark has its examples, a graph, simulated models and, in the paper but for BFCL, figures to quote."""
    benchmark, root = paper.BENCHMARKS[name], SCRIPT.parents[1]
    program = benchmark.program or name
    for script in (f"evals/{name}.py", f"graphs/{program}.py", f"evals/simulated/{program}.py"):
        assert (root / script).exists()
    if name != "bfcl":  # its tasks are in a package that may not be installed
        assert all(paper.examples(name, None).values())
        assert name in paper_table.BENCHMARKS


def test_each_figure_of_the_paper_has_its_place() -> None:
    """Every method of the paper has a score for each benchmark, and its budgets are about such a method."""
    for methods in paper_table.QUOTED.values():
        assert all(len(scores) == len(paper_table.BENCHMARKS) for scores in methods.values())
    for method, budgets in paper_table.ROLLOUTS.items():
        assert method in paper_table.QUOTED["Qwen3 8B"]
        assert len(budgets) == len(paper_table.BENCHMARKS)


def test_the_table_names_the_models_that_were_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is set already decides, and it is its model that the table names."""
    monkeypatch.setenv("PUPA_JUDGE", "openai:strict")
    for variable in ("PUPA_MODEL", "PUPA_UNTRUSTED_MODEL"):
        monkeypatch.setenv(variable, "")
        monkeypatch.delenv(variable)
    given = paper.arguments(["--benchmark", "pupa", "--model", "openai:m"])
    with paper.real(paper.BENCHMARKS["pupa"], given):
        models = {variable: os.environ[variable] for variable in paper.BENCHMARKS["pupa"].models}
    assert "PUPA_MODEL openai:m, PUPA_UNTRUSTED_MODEL openai:m, PUPA_JUDGE openai:strict" in paper_table.table(
        results(benchmark="pupa", models=models)
    )


@pytest.mark.parametrize("budget", [1, 500, 5000])
def test_trials_fit_the_budget(budget: int) -> None:
    """MIPROv2's trials cost about the budget, and there are two at least."""
    trials = dspy_programs.trials_for(budget, 300)
    assert trials == 2 or 600 + trials * (35 + 60) <= budget


def test_only_a_missing_key_makes_it_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model without its key is simulated; one whose name is wrong is a mistake, whatever keys there are."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert "OPENAI_API_KEY" in (paper.why_simulated("openai:gpt-5") or "")
    with pytest.raises(ModelError, match="opnai"):
        paper.why_simulated("opnai:gpt-5")
    monkeypatch.setenv("OPENAI_API_KEY", "a key")
    assert paper.why_simulated("openai:gpt-5", "openai:gpt-4.1-mini") is None


def test_a_folder_without_examples_says_how_they_are_drawn(tmp_path: Path) -> None:
    """The error names the files that are missing and the command that writes them."""
    write_lines(tmp_path / "train.jsonl", [])
    with pytest.raises(UsageError, match=r"no val.jsonl and no test.jsonl. Run: python evals/hover.py /"):
        paper.examples("hover", tmp_path)


def test_an_unknown_price_stays_unknown() -> None:
    """One call without a price leaves the dollars of the whole search unknown."""
    cost = Cost()
    cost.add(Usage(1, 1, 0.5))
    cost.add(Usage(1, 1, None))
    cost.add(Usage(1, 1, 0.5))
    assert (cost.tokens, cost.dollars) == (6, None)
