from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sources import read_lines

EVALS = Path(__file__).parents[2] / "evals"


@pytest.fixture(scope="module")
def evals() -> ModuleType:
    spec = importlib.util.spec_from_file_location("evals_aime", EVALS / "aime.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("given", "gold", "score"),
    [
        ("70", "70", 1),
        ("070", "70", 1),
        (" 7 ", "007", 1),
        ("$70$.", "70", 1),
        ("**70**", "70", 1),
        (r"\boxed{70}", "70", 1),
        (r"\(70\)", "70", 1),
        (r"$\boxed{\text{B}}$", "B", 1),
        ("−3", "-3", 1),
        ("BBBBB", "B", 1),
        ("(b)", "B", 1),
        ("5, 7,2", "5,7,2", 1),
        ("71", "70", 0),
        ("170", "70", 0),
        ("70.5", "70", 0),
        ("70 degrees", "70", 0),
        ("x = 70", "70", 0),
        ("7,0", "70", 0),
        ("5,2,7", "5,7,2", 0),
        ("BBBBA", "B", 0),
        ("E", "70", 0),
        ("", "70", 0),
        ("9" * 5000, "70", 0),
    ],
)
def test_exact_answer(evals: ModuleType, given: str, gold: str, score: float) -> None:
    """Only the exact integer, letter or list counts; how it is wrapped and padded does not, words around it do."""
    assert evals.metric({"answer": given}, {"answer": gold}).score == score


@pytest.mark.parametrize(
    ("given", "gold", "words"),
    [
        ("70", "70", "Right: the answer is 70."),
        ("71", "70", "Wrong: given was '71'; the right answer is 70."),
        ("about 70", "70", "must be an integer and nothing else; given was 'about 70'. The right answer is 70."),
        ("C or D", "C", "must be a letter and nothing else"),
        ("12", "C", "must be a letter and nothing else"),
        ("none", "1,2", "must be a list of integers and nothing else"),
    ],
)
def test_feedback(evals: ModuleType, given: str, gold: str, words: str) -> None:
    """Feedback says whether the answer is right, wrong or not readable, and goes on with the solution, if any."""
    told = evals.metric({"answer": given}, {"answer": gold, "solution": "First add."}).by_module
    assert list(told) == [evals.MODULE]
    assert words in told[evals.MODULE]
    assert "First add." in told[evals.MODULE]
    assert "solution" not in evals.metric({"answer": given}, {"answer": gold}).by_module[evals.MODULE]


def test_a_graph_that_gave_nothing(evals: ModuleType) -> None:
    """A rollout without an answer is scored, not an error."""
    assert evals.metric(None, {"answer": "70"}).score == 0
    assert evals.metric({}, {"answer": "70"}).score == 0


def test_sample(evals: ModuleType) -> None:
    """The invented problems are all different, and the metric finds their answers right and their slips wrong."""
    splits = [evals.trainset(), evals.valset(), evals.testset()]
    examples = [example for split in splits for example in split]
    assert [len(split) for split in splits] == [12, 12, 18]
    assert len({example["inputs"]["problem"] for example in examples}) == 42
    for outputs, slip in ((example["outputs"], example["metadata"]["slip"]) for example in examples):
        assert evals.metric({"answer": outputs["answer"]}, outputs).score == 1
        assert evals.metric({"answer": slip}, outputs).score == 0
        assert outputs["answer"] in outputs["solution"]


def problem(year: int, number: int) -> dict[str, Any]:
    place = {"year": year, "aime_number": 1, "problem_number": number}
    return {"problem": f"{year} {number}?", "answer": str(number), "solution": "Add.", **place, "difficulty": 4.0}


def test_draw(evals: ModuleType, home: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AIME 2022 to 2024 is halved into train and val; each problem of 2025 is in test five times, told apart."""
    older = [problem(year, n) for year in (2021, 2022, 2023) for n in range(3)]
    newest = [
        {"id": f"aime25-{n}", "problem": f"2025 {n}?", "expected_answer": str(n), "reference_solution": "Add."}
        for n in range(2)
    ]
    lines = "\n".join(map(json.dumps, newest)).encode()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(evals, "UNTIL_2023", home.publish("older.json", json.dumps(older).encode()))
    monkeypatch.setattr(evals, "OF_2024", home.publish("2024.json", json.dumps([problem(2024, 1)] * 2).encode()))
    monkeypatch.setattr(evals, "OF_2025", home.publish("test.txt", lines))
    evals.main([str(tmp_path / "out")])

    train, val, test = (read_lines(tmp_path / "out" / f"{split}.jsonl") for split in ("train", "val", "test"))
    assert [len(train), len(val), len(test)] == [4, 4, 10]
    assert {e["metadata"]["id"][:4] for e in train + val} == {"2022", "2023", "2024"}
    assert len({json.dumps(example) for example in test}) == 10
    assert {example["inputs"]["problem"] for example in test} == {"2025 0?", "2025 1?"}
