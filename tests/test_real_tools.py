"""Before a tool that may act on the outside really runs, whoever starts that run is warned, with the fix."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner
from typer.testing import Result as Ended

from langgraph_gepa import RunnerOptions, discover, evaluate
from langgraph_gepa.cli import app

DESK = '''
from langchain_core.tools import tool


@tool
def book(name: str) -> str:
    """Book a slot."""
    with open("bookings.txt", "a") as file:
        file.write(name)
    return name


def clerk(letter: Letter) -> Letter:
    book.invoke({"name": letter["name"]})
    return {"kind": "", "reply": model.invoke([("system", "Be polite."), ("user", letter["letter"])]).text}


desk = StateGraph(Letter).add_node("clerk", clerk).set_entry_point("clerk").compile()


def polite(outputs):
    return float("polite" in outputs["reply"])
'''
OPTIONS = """
from langgraph_gepa import RunnerOptions

options = RunnerOptions(tools={"book": lambda name: name})
"""
WARNING = "These tools look as if they change something outside, and each rollout really runs them: book (calls open"
FIX = (
    'RunnerOptions(tools={"book": lambda **arguments: "done"}), or name those that do no harm: RunnerOptions(harmless='
)
COMMANDS = [
    "prompts letters.py:desk --examples test.jsonl",
    "eval letters.py:desk --data test.jsonl --metric letters.py:polite",
]
DRY_RUN = (
    "optimize letters.py:desk --train test.jsonl --metric letters.py:polite --reflection-lm openai:simulated-editor "
    "--rollouts 40 --dry-run"
)


@pytest.fixture
def desk(project: Path) -> Path:
    """A project with a graph whose tool writes a file, and options that replace the tool."""
    with (project / "letters.py").open("a") as file:
        file.write(DESK)
    (project / "gepa_options.py").write_text(OPTIONS)
    return project


def call(line: str) -> Ended:
    return CliRunner().invoke(app, line.split())


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_that_runs_a_real_tool_warns_first(desk: Path, line: str, caplog: pytest.LogCaptureFixture) -> None:
    """One line has the tool, the reason and the fix."""
    assert call(line).exit_code == 0
    (warning,) = (text for text in caplog.messages if WARNING in text)
    assert FIX in warning
    assert "\n" not in warning
    assert (desk / "bookings.txt").exists()


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_with_stand_ins_runs_them_without_a_warning(
    desk: Path, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    """`--options` is the same for each command."""
    assert call(f"{line} --options gepa_options.py:options").exit_code == 0
    assert not caplog.messages
    assert not (desk / "bookings.txt").exists()


def test_listing_prompts_without_examples_warns_of_nothing(desk: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing runs then."""
    assert call("prompts letters.py:desk").exit_code == 0
    assert not caplog.messages


def test_python_warns_as_the_command_line_does(desk: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Unless a tool is named as harmless."""
    harmless = RunnerOptions(harmless=["book"])
    discover("letters.py:desk", "test.jsonl", options=harmless)
    evaluate("letters.py:desk", "test.jsonl", metric="letters.py:polite", options=harmless)
    assert not caplog.messages
    discover("letters.py:desk", "test.jsonl")
    evaluate("letters.py:desk", "test.jsonl", metric="letters.py:polite")
    assert [WARNING in text for text in caplog.messages] == [True, True]


def test_a_dry_run_that_runs_nothing_says_what_to_do(desk: Path) -> None:
    """It ends with code 2 and options that can be copied into a file; with them it runs."""
    blocked = call(DRY_RUN)
    assert blocked.exit_code == 2
    assert "Next:" not in blocked.stdout
    assert "add --options gepa_options.py:options" in blocked.stderr
    lines = [line.strip() for line in blocked.stderr.splitlines() if line.startswith("    ")]
    (desk / "gepa_options.py").write_text("\n".join(lines))
    done = call(f"{DRY_RUN} --options gepa_options.py:options")
    assert (done.exit_code, "Next: the same command without --dry-run." in done.stdout) == (0, True)
    assert not (desk / "bookings.txt").exists()


def test_a_dry_run_with_options_names_what_they_lack(desk: Path) -> None:
    """The options that were given are those to change."""
    (desk / "gepa_options.py").write_text(OPTIONS.replace('tools={"book": lambda name: name}', ""))
    blocked = call(f"{DRY_RUN} --options gepa_options.py:options")
    assert blocked.exit_code == 2
    assert 'the RunnerOptions of gepa_options.py:options tools={"book"' in blocked.stderr
    assert 'harmless=["book"]' in blocked.stderr
