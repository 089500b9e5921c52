"""AIME for `graphs/aime.py`: invented sample problems, the competition's from their public homes, and the metric.

    trainset(), valset(), testset()    12, 12 and 18 problems of the project's own invention
    metric                             the exact answer; feedback with the written solution
    python evals/aime.py DIR           writes AIME 2022 to 2025: 45 train, 45 val, 30 test, each run 5 times

The problems of the AIME are the Mathematical Association of America's, so none ships here; see
`data/aime/NOTICE.md` for where each set comes from.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from exact_answers import MODULE, example, metric, write_splits
from sources import Source, cache_folder, fetched, read_lines

__all__ = ["MODULE", "aime", "aime_2025", "draw", "metric", "testset", "trainset", "valset"]

SAMPLE = Path(__file__).parent / "data" / "aime"
YEARS = range(2022, 2025)
REPEATS = 5

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


def trainset() -> list[dict[str, Any]]:
    """The shipped problems to learn from, as examples: `inputs`, `outputs`, `metadata`."""
    return read_lines(SAMPLE / "train.jsonl")


def valset() -> list[dict[str, Any]]:
    """The shipped problems to choose candidates by."""
    return read_lines(SAMPLE / "val.jsonl")


def testset() -> list[dict[str, Any]]:
    """The shipped problems to measure the outcome on."""
    return read_lines(SAMPLE / "test.jsonl")


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


def draw(folder: Path, *, seed: int = 0) -> None:
    """Writes `train.jsonl`, `val.jsonl` and `test.jsonl` to `folder`, in the paper's sizes: 45, 45 and 30 times 5.

    As in the paper, the problems of 2022 to 2024 are shuffled and halved, and those of 2025 are run
    five times each: a score on 30 problems is noisy.
    """
    learn = aime()
    random.Random(f"{seed}:aime").shuffle(learn)
    half = len(learn) // 2
    held = [e | {"metadata": e["metadata"] | {"repeat": n}} for n in range(REPEATS) for e in aime_2025()]
    write_splits(folder, learn[:half], learn[half:], held)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Writes train, val and test files of the AIME.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(argv)
    draw(asked.folder, seed=asked.seed)


if __name__ == "__main__":
    main()
