"""BFCL's multi-turn tasks and their official checks. Skipped where the package is not installed, but for one test."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import bfcl
import official_tools
import pytest

from langgraph_gepa import Feedback
from langgraph_gepa.errors import ExampleError, UsageError

Example = dict[str, Any]


def test_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package, an error says how it is installed."""
    monkeypatch.setitem(sys.modules, "bfcl_eval.constants.default_prompts", None)
    with pytest.raises(UsageError, match="pip install --no-deps bfcl-eval"):
        official_tools.rows("any.json")


@pytest.fixture(autouse=True)
def _installed(request: pytest.FixtureRequest) -> None:
    if request.function is not test_what_to_install:
        pytest.importorskip("bfcl_eval")
        pytest.importorskip("mpmath")


def files(*turns: str) -> Example:
    """An example over a small file system. Its calls, by turn, are written as the official ones are."""
    config = {"root": {"desk": {"type": "directory", "contents": {"a.txt": {"type": "file", "content": "1\n2"}}}}}
    return {
        "inputs": {"turns": ["Do it."] * len(turns), "classes": ["GorillaFileSystem"], "held_back": {},
                   "initial_config": {"GorillaFileSystem": config}, "long_context": False},
        "outputs": {"calls": [calls(turn) for turn in turns]},
    }  # fmt: skip


def calls(turn: str) -> list[Example]:
    return [official_tools.parsed(call, ["GorillaFileSystem"]) for call in turn.split("; ") if call]


def scored(example: Example, *turns: str) -> Feedback:
    """The metric's opinion where these calls were made, each in a step of its own."""
    made = [[[call] for call in calls(turn)] for turn in turns]
    feedback: Feedback = bfcl.metric(example["inputs"], {"calls": made}, example["outputs"])
    return feedback


def replayed(example: Example, made: Sequence[Sequence[Example]]) -> float:
    steps = [[[call] for call in turn] for turn in made]
    score: float = bfcl.metric(example["inputs"], {"calls": steps}, example["outputs"]).score
    return score


@pytest.mark.parametrize("category", ["base", "miss_func", "miss_param", "long_context"])
def test_the_right_calls_and_none(category: str) -> None:
    """The official answers score 1, doing nothing scores 0, and so does an answer without its last call."""
    for example in bfcl.tasks(category)[::20]:
        right = example["outputs"]["calls"]
        last = max(turn for turn, wanted in enumerate(right) if wanted)
        assert replayed(example, right) == 1
        assert replayed(example, [[] for _ in right]) == 0
        assert replayed(example, [*right[:last], right[last][:-1], *right[last + 1 :]]) == 0


def test_splits() -> None:
    """No scenario is in two splits, whatever the category, and each split has equal parts of the four domains."""
    numbers = {}
    for name, size in (("train", 40), ("val", 60), ("test", 100)):
        examples = bfcl.split(name)
        assert len(examples) == 4 * size
        numbers[name] = {example["metadata"]["id"].rpartition("_")[2] for example in examples}
        assert len(numbers[name]) == size
        domains = Counter(domain for one in examples for domain in bfcl.DOMAINS if domain in one["inputs"]["classes"])
        assert set(domains.values()) == {size}
    assert not numbers["train"] & numbers["val"] | (numbers["train"] | numbers["val"]) & numbers["test"]
    assert bfcl.trainset("miss_func")[0]["metadata"]["category"] == "miss_func"


def test_held_back_tools() -> None:
    """A turn in which tools are handed over has the official words, and no call was right in the turn before."""
    for example in bfcl.tasks("miss_func")[::20]:
        for turn in map(int, example["inputs"]["held_back"]):
            assert "updated some more functions" in example["inputs"]["turns"][turn]
            assert not example["outputs"]["calls"][turn - 1]


def test_unneeded_look_ups_are_allowed() -> None:
    """Calls that change nothing do not count, and arguments may be left out that have the same default."""
    example = files("ls(a=False)", "tail('a.txt', 10)")
    assert scored(example, "pwd(); ls()", "cat('a.txt'); tail('a.txt')").score == 1


def test_a_tool_taken_for_another() -> None:
    """Both descriptions are told which tool was called where which one was right; the prompt is not."""
    feedback = scored(files("ls()", "mv('a.txt', 'b.txt')"), "ls()", "pwd(); cp('a.txt', 'b.txt')")
    assert feedback.score == 0
    assert "Turn 2 of 2 failed: the state is not as it should be" in feedback.comment
    assert "First wrong call: cp(source='a.txt', destination='b.txt')" in feedback.comment
    assert "Missing: mv(source='a.txt', destination='b.txt')" in feedback.comment
    assert feedback.by_module.keys() == {"tool:cp", "tool:mv"}
    assert feedback.by_module["tool:mv"].startswith("`cp` was called where `mv` was right")


def test_wrong_arguments() -> None:
    """They are the business of the tool's own description."""
    feedback = scored(files("mv('a.txt', 'b.txt')"), "mv('a.txt', 'c.txt')")
    assert feedback.by_module.keys() == {"tool:mv"}
    assert "`mv` was called with wrong arguments" in feedback.by_module["tool:mv"]


@pytest.mark.parametrize(
    ("made", "lesson"),
    [
        ("mkdir('b')", "The turn ended without: cd(folder='b')"),
        ("cd('b')", "Left out, before cd(folder='b'): mkdir(dir_name='b')"),
        ("", "The turn ended without: cd(folder='b')"),
        ("mkdir('b'); cd('b'); touch('c')", "Called without need: touch(file_name='c')"),
        ("cd('b'); mkdir('b')", "Each call was right, but they were made in the wrong order."),
    ],
)
def test_what_was_left_out(made: str, lesson: str) -> None:
    """Calls left out, without need or out of order are feedback for the system prompt."""
    feedback = scored(files("mkdir('b'); cd('b')"), made)
    assert feedback.score == 0
    assert lesson in feedback.by_module["prompt"]


def test_a_call_that_came_too_early() -> None:
    """Where nothing could be called yet, what was called is named though the check fails a turn later."""
    feedback = scored(files("", "mkdir('b')"), "mkdir('c')", "mkdir('b')")
    assert "First wrong call (in turn 1, where nothing was to be called yet): mkdir(dir_name='c')" in feedback.comment
    assert "instead of asking the user: mkdir(dir_name='c')" in feedback.by_module["prompt"]


@pytest.mark.parametrize("outputs", [None, {}, {"calls": []}, {"calls": [[]] * 3}])
def test_incomplete_outputs(outputs: Example | None) -> None:
    """A conversation that was cut off, or is none, scores 0."""
    example = files("ls()", "pwd()")
    assert bfcl.metric(example["inputs"], outputs, example["outputs"]).score == 0


@pytest.mark.parametrize(
    "call",
    [
        {"name": "open", "arguments": {"file": "written", "mode": "w"}},
        {"name": "importlib.import_module('pathlib').Path('written').touch", "arguments": {}},
        {"name": "cd", "arguments": {"folder='x') and open('written', mode": "w"}},
        {"name": "cd", "arguments": {"folder": "' + open('written', 'w').name + '"}},
        {"name": "echo", "arguments": {"content": ["' or open('written', 'w')"]}},
        {"name": "cd", "arguments": {"None": 1}},
    ],
)
def test_calls_are_data(call: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The official checker evaluates source code; no call that a model or an example makes up gets code into it."""
    monkeypatch.chdir(tmp_path)
    example = files("pwd()")
    bfcl.metric(example["inputs"], {"calls": [[[call]]]}, example["outputs"])
    bfcl.metric(example["inputs"], {"calls": [[calls("pwd()")]]}, {"calls": [[call]]})
    assert not list(tmp_path.iterdir())


def test_other_classes() -> None:
    """The package's classes that reach the network or the disk are none of these tasks'."""
    example = files("pwd()")
    with pytest.raises(ExampleError, match="WebSearchAPI"):
        bfcl.metric(example["inputs"] | {"classes": ["WebSearchAPI"]}, {"calls": [[]]}, example["outputs"])


def test_checks_share_nothing() -> None:
    """Checks side by side and one after the other agree, and leave nothing behind in the package."""
    example = files("mkdir('b'); cd('b')")
    kept = vars(official_tools.official("eval_checker.multi_turn_eval.multi_turn_utils"))
    scored(example, "mkdir('b')")
    before = set(kept)
    with ThreadPoolExecutor(4) as pool:
        results = pool.map(lambda made: scored(example, made).score, ["mkdir('b'); cd('b')", "mkdir('b')"] * 10)
    assert list(results) == [1.0, 0.0] * 10
    assert set(kept) == before
