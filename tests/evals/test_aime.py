from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sources import read_lines

from langgraph_gepa.errors import ExampleError

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


@pytest.fixture
def rows_of_livebench() -> Iterator[tuple[list[dict[str, Any]], str]]:
    """A list whose rows are served as Hugging Face's dataset viewer does, and the address to ask."""
    rows: list[dict[str, Any]] = []

    class Viewer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = parse_qs(urlsplit(self.path).query)
            start, length = int(asked["offset"][0]), int(asked["length"][0])
            page = [{"row_idx": n, "row": row, "truncated_cells": []} for n, row in enumerate(rows)]
            body = json.dumps({"rows": page[start : start + length], "num_rows_total": len(rows)}).encode()
            self.send_response(200 if rows else 500)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Viewer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield rows, f"http://127.0.0.1:{server.server_address[1]}/rows?dataset=x"
        server.shutdown()
        thread.join()


def test_livebench(
    evals: ModuleType,
    rows_of_livebench: tuple[list[dict[str, Any]], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All pages are read; what has no exact answer is left out and counted; the rest is dealt out in thirds."""
    rows, address = rows_of_livebench
    truths = ["070", "B", "1,2,3", r"\frac{x}{2}"] * 60
    for n, truth in enumerate(truths):
        rows.append({"question_id": f"q{n}", "turns": [f"{n}?"], "ground_truth": truth, "task": "t", "subtask": "s"})
    monkeypatch.setattr(evals, "LIVEBENCH", address)
    assert list(evals.livebench_rows()) == rows
    evals.main([str(tmp_path), "--livebench"])
    splits = [read_lines(tmp_path / f"{split}.jsonl") for split in ("train", "val", "test")]
    assert [len(split) for split in splits] == [60, 60, 60]
    assert len({example["metadata"]["id"] for split in splits for example in split}) == 180
    assert "180 of 240" in capsys.readouterr().out


def test_livebench_out_of_reach(
    evals: ModuleType, rows_of_livebench: tuple[list[dict[str, Any]], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home that does not answer is an error that names the address."""
    monkeypatch.setattr(evals, "LIVEBENCH", rows_of_livebench[1])
    with pytest.raises(ExampleError, match=r"Could not read http://127.*500"):
        list(evals.livebench_rows())
