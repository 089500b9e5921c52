"""LiveBench-Math for `graphs/aime.py`: an invented sample, the set from its public home, and the metric.

    trainset(), valset(), testset()    12, 12 and 18 problems of the project's own invention
    metric                             the exact answer, as for the AIME, but of a list the share that is in its place
    python evals/livebench.py DIR      writes the problems whose answers can be compared exactly, a third to each file

See `data/livebench/NOTICE.md` for where the set comes from.
"""

from __future__ import annotations

import argparse
import json
import random
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import exact_answers
from exact_answers import example, value, write_splits
from sources import read_lines

from langgraph_gepa import Feedback
from langgraph_gepa.errors import ExampleError

SAMPLE = Path(__file__).parent / "data" / "livebench"
LIVEBENCH = "https://datasets-server.huggingface.co/rows?dataset=livebench%2Fmath&config=default&split=test"
"""The rows of LiveBench-Math, a page at a time. The set is changed now and then; no checksum of it is known."""
PAGE = 100


def trainset() -> list[dict[str, Any]]:
    """The shipped problems to learn from, as examples: `inputs`, `outputs`, `metadata`."""
    return read_lines(SAMPLE / "train.jsonl")


def valset() -> list[dict[str, Any]]:
    """The shipped problems to choose candidates by."""
    return read_lines(SAMPLE / "val.jsonl")


def testset() -> list[dict[str, Any]]:
    """The shipped problems to measure the outcome on."""
    return read_lines(SAMPLE / "test.jsonl")


def livebench(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The problems of LiveBench-Math whose answer is an integer, a letter or a list of integers.

    Others (most of `AMPS_Hard`: expressions, compared symbolically) are left out. Scores are not quite
    LiveBench's own: an answer is read from its line, where LiveBench also looks around it.
    """
    return [
        example(row["turns"][0], row["ground_truth"], id=row["question_id"], task=row["task"], subtask=row["subtask"])
        for row in rows
        if value(row["ground_truth"]) is not None
    ]


def livebench_rows() -> Iterator[dict[str, Any]]:
    """All rows of LiveBench-Math, from Hugging Face. Raises `ExampleError`."""
    offset, total = 0, 1
    while offset < total:
        page = _page(f"{LIVEBENCH}&{urllib.parse.urlencode({'offset': offset, 'length': PAGE})}")
        rows, total = page["rows"], page["num_rows_total"]
        if not rows or any(row["truncated_cells"] for row in rows):
            raise ExampleError(f"{LIVEBENCH} gave no whole rows from number {offset} on. Try again later.")
        yield from (row["row"] for row in rows)
        offset += len(rows)


def _page(url: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(url, timeout=60) as reply:  # noqa: S310 - a URL written here
            page: dict[str, Any] = json.load(reply)
    except (urllib.error.URLError, OSError, ValueError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it is the reply as well, which Python 3.14 warns of when it is left open
        raise ExampleError(f"Could not read {url}: {error}. Try again later.") from error
    return page


def draw(folder: Path, *, seed: int = 0) -> None:
    """Writes a third of LiveBench-Math, shuffled, to each of `train.jsonl`, `val.jsonl` and `test.jsonl`."""
    rows = list(livebench_rows())
    examples = livebench(rows)
    print(f"{len(examples)} of {len(rows)} problems have an answer that can be compared exactly.")
    random.Random(f"{seed}:livebench").shuffle(examples)
    first, second = len(examples) // 3, 2 * len(examples) // 3
    write_splits(folder, examples[:first], examples[first:second], examples[second:])


def metric(outputs: Mapping[str, Any] | None, reference_outputs: Mapping[str, Any]) -> Feedback:
    """As for the AIME; but a list of integers scores, as officially, what its edit distance to the right one leaves."""
    feedback = exact_answers.metric(outputs, reference_outputs)
    given, gold = value(str((outputs or {}).get("answer", ""))), value(str(reference_outputs["answer"]))
    if not isinstance(given, tuple) or not isinstance(gold, tuple) or len(gold) == 1:
        return feedback
    return replace(feedback, score=1 - edits(given, gold) / max(len(given), len(gold)))


def edits(one: Sequence[int], other: Sequence[int]) -> int:
    """How many numbers must be put in, left out or exchanged to make one list of the other (Levenshtein's distance)."""
    row = list(range(len(other) + 1))
    for number, first in enumerate(one, 1):
        above, row = row, [number]
        for place, second in enumerate(other):
            row.append(min(row[-1] + 1, above[place + 1] + 1, above[place] + (first != second)))
    return row[-1]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Writes train, val and test files of LiveBench-Math.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(argv)
    draw(asked.folder, seed=asked.seed)


if __name__ == "__main__":
    main()
