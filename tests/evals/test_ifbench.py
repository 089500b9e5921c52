from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import constraints
import pytest

from langgraph_gepa.errors import ExampleError, UsageError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def evals(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("evals_ifbench", ROOT / "evals" / "ifbench.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


class Saying:
    """A verifier of the official shape: the reply must say the word; the word `odd` it cannot take."""

    def __init__(self, kind: str) -> None:
        pass

    def build_description(self, *, word: str) -> str:
        self.word = word if word != "odd" else "other"
        return f"Say {self.word}."

    def get_instruction_args(self) -> dict[str, Any]:
        return {"word": self.word}

    def check_following(self, value: str) -> bool:
        return self.word in value.split()


@pytest.fixture
def saying(evals: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (constraints, evals):
        monkeypatch.setattr(module, "verifiers", lambda: {"say": Saying})


def scored(evals: ModuleType, words: str, draft: str, response: str) -> Any:
    reference = {"constraints": [{"id": "say", "arguments": {"word": word}} for word in words.split()]}
    return evals.metric({"query": "Speak."}, {"draft": draft, "response": response}, reference)


@pytest.mark.usefixtures("saying")
def test_share_of_constraints(evals: ModuleType) -> None:
    """The score is the share of constraints that the response meets; the draft's is not counted."""
    assert scored(evals, "one two", "nothing", "one two").score == 1
    assert scored(evals, "one two", "one two", "two").score == 0.5
    assert evals.metric({"query": "?"}, None, {"constraints": [{"id": "say", "arguments": {"word": "one"}}]}).score == 0


@pytest.mark.usefixtures("saying")
def test_each_module_hears_of_its_own_reply(evals: ModuleType) -> None:
    """Feedback names each constraint missed in words; for the correction, what was lost and what not repaired."""
    by_module = scored(evals, "one two three", "one", "two").by_module
    assert by_module["respond"].splitlines() == [
        "The draft meets 1 of 3 constraints.",
        "Met: Say one.",
        "Missed: Say two.",
        "Missed: Say three.",
    ]
    assert by_module["correct"].splitlines() == [
        "The response meets 1 of 3 constraints.",
        "Missed, though the draft met it: Say one.",
        "Met: Say two.",
        "Missed, as in the draft: Say three.",
    ]


@pytest.mark.usefixtures("saying")
def test_unchecked_is_never_scored(evals: ModuleType) -> None:
    """A constraint that could not be checked is reported as such and left out of the score; an example with no other
    constraint has no score."""
    feedback = scored(evals, "odd one", "", "one")
    assert feedback.score == 1
    assert "meets 1 of 1 constraints" in feedback.comment
    assert "Not checked, and not scored: say {'word': 'odd'} (its verifier puts a random value" in feedback.comment
    with pytest.raises(ExampleError, match=r"has no score.*\n.*Not checked"):
        scored(evals, "odd", "", "odd")


def test_verifiers_that_are_not_installed(evals: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the official verifiers nothing is scored; the error has the commands that install them."""
    monkeypatch.setitem(sys.modules, "langdetect", None)
    constraints.verifiers.cache_clear()
    with pytest.raises(UsageError, match="pip install --no-deps lighteval"):
        scored(evals, "one", "one", "one")
    constraints.verifiers.cache_clear()


def test_sample(evals: ModuleType) -> None:
    """The shipped splits share no query, and no kind of constraint of the test set is seen before."""
    splits = [evals.trainset(), evals.valset(), evals.testset()]
    assert [len(split) for split in splits] == [40, 30, 30]
    assert len({example["inputs"]["query"] for split in splits for example in split}) == 100
    seen, held = (
        {constraint["id"] for example in examples for constraint in example["outputs"]["constraints"]}
        for examples in (splits[0] + splits[1], splits[2])
    )
    assert not seen & held
    assert (len(seen), len(held) >= 28) == (25, True)


def row(key: Any, word: str = "fine", **others: Any) -> dict[str, Any]:
    return {"key": key, "prompt": f"Query {key}", "instruction_id_list": ["say"], "kwargs": [{"word": word, **others}]}


def test_example(evals: ModuleType) -> None:
    """Arguments that are not set are left out, zero is kept, and whole numbers are written as such."""
    (constraint,) = evals.example(row(1, n=2.0, m=0, share=0.5, other=None))["outputs"]["constraints"]
    assert constraint == {"id": "say", "arguments": {"word": "fine", "n": 2, "m": 0, "share": 0.5}}
    assert isinstance(constraint["arguments"]["n"], int)


def lines(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join(map(json.dumps, rows)).encode()


@pytest.fixture
def published(evals: ModuleType, home: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ifbench = [row("0"), row("268", "odd"), row("269"), row("274"), row("299")]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(evals, "IFBENCH", home.publish("bench.jsonl", lines(ifbench)))
    monkeypatch.setattr(evals, "IFEVAL", home.publish("eval.jsonl", lines([row(n) for n in range(8)])))


def drawn(folder: Path) -> dict[str, list[str]]:
    return {
        path.stem: [json.loads(line)["metadata"]["id"] for line in path.read_text("utf-8").splitlines()]
        for path in folder.iterdir()
    }


@pytest.mark.usefixtures("published", "saying")
def test_draw(evals: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Train and val come from IFEval, test is IFBench but for the six queries the paper lacks; what cannot be scored
    is left out by name."""
    evals.main([str(tmp_path / "out"), "--train", "4", "--val", "2"])
    splits = drawn(tmp_path / "out")
    assert splits["test"] == ["0", "299"]
    assert [len(splits[name]) for name in ("train", "val", "ifeval")] == [4, 2, 2]
    assert sorted(splits["train"] + splits["val"] + splits["ifeval"]) == [str(n) for n in range(8)]
    assert "Query 268 is left out" in capsys.readouterr().out
    with pytest.raises(ExampleError, match="IFEval has 8"):
        evals.main([str(tmp_path / "out"), "--train", "8", "--val", "1"])


@pytest.mark.usefixtures("published")
def test_draw_without_verifiers(
    evals: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the verifiers are not installed every query is kept, and it is said why."""
    monkeypatch.setitem(sys.modules, "emoji", None)
    constraints.verifiers.cache_clear()
    evals.main([str(tmp_path / "out"), "--train", "4", "--val", "2"])
    constraints.verifiers.cache_clear()
    assert drawn(tmp_path / "out")["test"] == ["0", "268", "299"]
    assert "Queries that cannot be scored stay in" in capsys.readouterr().out
