"""AIME and LiveBench-Math for `graphs/aime.py`: invented sample problems, loaders, and the metric.

    trainset(), valset(), testset()        12, 12 and 18 problems of the project's own invention
    metric                                 the exact answer; feedback with the written solution
    python evals/aime.py DIR               writes AIME 2022 to 2025: 45 train, 45 val, 30 test, each run 5 times
    python evals/aime.py DIR --livebench   writes the problems of LiveBench-Math whose answers can be compared exactly

The problems of the AIME are the Mathematical Association of America's, so none ships here; see
`data/aime/NOTICE.md` for where each set comes from.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from matching import shortened
from sources import Source, cache_folder, fetched, read_lines, write_lines

from langgraph_gepa import Feedback
from langgraph_gepa.errors import ExampleError

SAMPLE = Path(__file__).parent / "data" / "aime"
YEARS = range(2022, 2025)
REPEATS = 5
MODULE = "solve"

_RLLM = "https://raw.githubusercontent.com/agentica-project/rllm/874daa4acb7f451dc2a4b2b6e8ce28f5aa88d1f5/rllm/data"
UNTIL_2023 = Source(
    f"{_RLLM}/train/math/aime.json",
    1289048,
    "78f1b9bae6d00794b43e79a5842917f7ef4e355d9b705743c61f255f3c7c5d49",
)
OF_2024 = Source(
    f"{_RLLM}/test/math/aime.json",
    38011,
    "03fd341fee10fb71cf906be4eb3042081f314c4d16077489e41f9375085d20d2",
)
OF_2025 = Source(
    "https://raw.githubusercontent.com/NVIDIA-NeMo/Skills/8b18f3992854bcb668095228a146e214c567b370"
    "/nemo_skills/dataset/aime25/test.txt",
    61949,
    "b672f9c6660b68dd42f5fc705b17405f24eaa9991c98991d63463c6b683468a8",
)

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


def example(problem: str, answer: str, solution: str = "", **metadata: Any) -> dict[str, Any]:
    return {"inputs": {"problem": problem}, "outputs": {"answer": answer, "solution": solution}, "metadata": metadata}


def aime() -> list[dict[str, Any]]:
    """The 90 problems of 2022 to 2024, each with a written solution."""
    home = cache_folder("aime")
    paths = fetched(UNTIL_2023, home / "until-2023"), fetched(OF_2024, home / "2024")
    rows = [row for path in paths for row in json.loads(path.read_text(encoding="utf-8"))]
    return [
        example(
            row["problem"],
            row["answer"],
            row["solution"],
            id=f"{row['year']}-{row['aime_number']}-{row['problem_number']}",
        )
        for row in rows
        if row["year"] in YEARS
    ]


def aime_2025() -> list[dict[str, Any]]:
    """The 30 problems of 2025."""
    rows = read_lines(fetched(OF_2025, cache_folder("aime") / "2025"))
    return [example(row["problem"], row["expected_answer"], row["reference_solution"], id=row["id"]) for row in rows]


def livebench(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The problems of LiveBench-Math whose answer is an integer, a letter or a list of integers.

    Others (most of `AMPS_Hard`: expressions, compared symbolically) are left out. Scores are not quite
    LiveBench's own: a list counts as right or wrong here, where LiveBench gives part of the score for
    part of it, and an answer is read from its line, where LiveBench also looks around it.
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
        raise ExampleError(f"Could not read {url}: {error}. Try again later.") from error
    return page


def draw(folder: Path, *, seed: int = 0) -> None:
    """Writes `train.jsonl`, `val.jsonl` and `test.jsonl` to `folder`, in the paper's sizes: 45, 45 and 30 times 5.

    As in the paper, the problems of 2022 to 2024 are shuffled and halved, and those of 2025 are run
    five times each: a score on 30 problems is noisy.
    """
    learn = aime()
    random.Random(f"{seed}:aime").shuffle(learn)
    half = len(learn) // 2
    held = [e | {"metadata": e["metadata"] | {"repeat": n}} for n in range(REPEATS) for e in aime_2025()]
    _write(folder, learn[:half], learn[half:], held)


def draw_livebench(folder: Path, *, seed: int = 0) -> None:
    """Writes a third of LiveBench-Math, shuffled, to each of `train.jsonl`, `val.jsonl` and `test.jsonl`."""
    rows = list(livebench_rows())
    examples = livebench(rows)
    print(f"{len(examples)} of {len(rows)} problems have an answer that can be compared exactly.")
    random.Random(f"{seed}:livebench").shuffle(examples)
    first, second = len(examples) // 3, 2 * len(examples) // 3
    _write(folder, examples[:first], examples[first:second], examples[second:])


def _write(folder: Path, *splits: Sequence[Mapping[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in zip(("train", "val", "test"), splits, strict=True):
        write_lines(folder / f"{name}.jsonl", rows)


WRAPPER = re.compile(r"\\(?:f?boxed|text|mathrm|textbf|mathbf)\s*\{([^{}]*)\}")


def value(answer: str) -> tuple[int, ...] | str | None:
    """What an answer says: integers, or a letter from A to E; `None` where it is neither and nothing else.

    Dollars, a box, a full stop and leading zeros do not count, nor does a letter's repetition, which
    LiveBench asks for.
    """
    bare, wrapped = answer.replace("\u2212", "-"), True
    while wrapped:
        bare, wrapped = WRAPPER.subn(r"\1", bare)
    bare = bare.strip(" \t\r\n$*.()[]{}<>\\")
    if re.fullmatch(r"[+-]?\d{1,30}(?:\s*,\s*[+-]?\d{1,30})*", bare):
        return tuple(int(number) for number in bare.split(","))
    letter = re.fullmatch(r"([A-Ea-e])\1*", bare)
    return letter[1].upper() if letter else None


def metric(outputs: Mapping[str, Any] | None, reference_outputs: Mapping[str, Any]) -> Feedback:
    """Whether the answer is exactly right, and in words the right answer and the written solution where there is one.

    `outputs` is the final state of `graphs/aime.py`, `reference_outputs` the `answer` and the `solution`.
    """
    given, gold = str((outputs or {}).get("answer", "")), str(reference_outputs["answer"])
    solution = reference_outputs.get("solution", "")
    said, meant = value(given), value(gold)
    right = said is not None and said == meant
    if right:
        verdict = f"Right: the answer is {gold}."
    elif said is None or type(said) is not type(meant):
        kind = "a letter" if isinstance(meant, str) else "an integer" if len(meant or ()) < 2 else "a list of integers"
        verdict = f"Not readable: the final answer must be {kind} and nothing else; given was {shortened(given)!r}."
        verdict += f" The right answer is {gold}."
    else:
        verdict = f"Wrong: given was {shortened(given)!r}; the right answer is {gold}."
    steps = f" The written solution:\n{solution}\n\nWhat in it would also help with other problems?" if solution else ""
    return Feedback(score=float(right), comment=verdict, by_module={MODULE: verdict + steps})


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Writes train, val and test files of AIME or LiveBench-Math.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--livebench", action="store_true", help="LiveBench-Math in place of AIME")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(argv)
    (draw_livebench if asked.livebench else draw)(asked.folder, seed=asked.seed)


if __name__ == "__main__":
    main()
