"""LiveBench-Math: an invented sample with its forms of answer, and the set as its home serves it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import livebench
import pytest
from sources import read_lines

from langgraph_gepa.errors import ExampleError


def test_sample() -> None:
    """The invented problems are all different and have LiveBench's forms of answer; only the right answer scores."""
    splits = [livebench.trainset(), livebench.valset(), livebench.testset()]
    examples = [example for split in splits for example in split]
    assert [len(split) for split in splits] == [12, 12, 18]
    assert len({example["inputs"]["problem"] for example in examples}) == 42
    for split in splits:
        assert {example["metadata"]["form"] for example in split} == {"choice", "integer", "list"}
    for outputs, slip in ((example["outputs"], example["metadata"]["slip"]) for example in examples):
        assert livebench.metric({"answer": outputs["answer"]}, outputs).score == 1
        assert livebench.metric({"answer": slip}, outputs).score < 1
        assert outputs["answer"] in outputs["solution"]


@pytest.mark.parametrize(
    ("given", "gold", "score"),
    [
        ("5,7,2,1", "5,7,2,1", 1),
        ("5, 7, 1, 2", "5,7,2,1", 0.5),
        ("7,2,1", "5,7,2,1", 0.75),
        ("5,7,2,1,3", "5,7,2,1", 0.8),
        ("5", "5,7,2,1", 0.25),
        ("9,8", "5,7,2,1", 0),
        ("B", "5,7,2,1", 0),
        ("", "5,7,2,1", 0),
        ("70", "71", 0),
        ("70,71", "71", 0),
        ("BBBBB", "B", 1),
    ],
)
def test_part_of_a_list_counts(given: str, gold: str, score: float) -> None:
    """A list scores the share of it that stands as it should, by edit distance; all else is right or wrong."""
    assert livebench.metric({"answer": given}, {"answer": gold}).score == score


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
    monkeypatch.setattr(livebench, "LIVEBENCH", address)
    assert list(livebench.livebench_rows()) == rows
    livebench.main([str(tmp_path)])
    splits = [read_lines(tmp_path / f"{split}.jsonl") for split in ("train", "val", "test")]
    assert [len(split) for split in splits] == [60, 60, 60]
    assert len({example["metadata"]["id"] for split in splits for example in split}) == 180
    assert "180 of 240" in capsys.readouterr().out


def test_livebench_out_of_reach(
    rows_of_livebench: tuple[list[dict[str, Any]], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A home that does not answer is an error that names the address."""
    monkeypatch.setattr(livebench, "LIVEBENCH", rows_of_livebench[1])
    with pytest.raises(ExampleError, match=r"Could not read http://127.*500"):
        list(livebench.livebench_rows())
