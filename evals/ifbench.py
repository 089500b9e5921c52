"""IFBench and IFEval for `graphs/ifbench.py`: a shipped sample, the full sets from their public homes, and the metric.

    trainset(), valset(), testset()    40, 30 and 30 queries that ship with the project
    metric                             the share of constraints met, with feedback for both prompts
    python evals/ifbench.py DIR        writes train, val, test and ifeval files drawn from the full sets

The metric needs the official verifiers; `constraints.py` says how they are installed.

IFBench (Pyatkin et al. 2025, https://github.com/allenai/IFBench) is under ODC-BY 1.0, IFEval (Zhou et al. 2023,
https://arxiv.org/abs/2311.07911) under Apache-2.0; see `data/ifbench/NOTICE.md`.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from constraints import ORDINARY, Verdict, judge, verifiers
from sources import Source, cache_folder, fetched, read_lines, write_lines

from langgraph_gepa import Feedback
from langgraph_gepa.errors import ExampleError, UsageError

SAMPLE = Path(__file__).parent / "data" / "ifbench"
IFBENCH = Source(
    "https://raw.githubusercontent.com/allenai/IFBench/db69a6f05689830b0068b8f1529ebcfd2f3b164c/data/IFBench_test.jsonl",
    421502,
    "a2bf7b8e7ed11d39c65b4ec781da8b99663ed0121f97033d70fcecb61f8a9d85",
)
IFEVAL = Source(
    "https://raw.githubusercontent.com/josejg/instruction_following_eval/"
    "0c495b2f95155e8b10acb919ae283bfb4d5be6e2/instruction_following_eval/data/input_data.jsonl",
    207111,
    "67ffeee0fcb87c317c5b08a2de85557b4a7e96ada6178aa645b4954fe4b53d49",
)
NOT_IN_THE_PAPER = frozenset({"269", "270", "271", "272", "273", "274"})
"""The six queries of IFBench's 300 that the paper's test file of 294 lacks: there they became part of the query before
them, 268, which is taken here as IFBench has it."""


def trainset() -> list[dict[str, Any]]:
    """The shipped queries to learn from, as examples: `inputs`, `outputs`, `metadata`."""
    return read_lines(SAMPLE / "train.jsonl")


def valset() -> list[dict[str, Any]]:
    """The shipped queries to choose candidates by."""
    return read_lines(SAMPLE / "val.jsonl")


def testset() -> list[dict[str, Any]]:
    """The shipped queries to measure the outcome on, with constraints of kinds that the other two do not have."""
    return read_lines(SAMPLE / "test.jsonl")


def example(row: Mapping[str, Any]) -> dict[str, Any]:
    """A query of an official file as an example."""
    pairs = zip(row["instruction_id_list"], row["kwargs"], strict=True)
    return {
        "inputs": {"query": row["prompt"]},
        "outputs": {"constraints": [{"id": kind, "arguments": _arguments(kwargs)} for kind, kwargs in pairs]},
        "metadata": {"id": str(row["key"])},
    }


def _arguments(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """What is set of the official `kwargs`. Their whole numbers are written as floats, which feedback would repeat."""
    whole = {name: int(value) for name, value in kwargs.items() if isinstance(value, float) and value.is_integer()}
    return {name: value for name, value in {**kwargs, **whole}.items() if value is not None}


def draw(folder: Path, *, train: int, val: int, seed: int = 0) -> None:
    """Writes `train.jsonl`, `val.jsonl`, `test.jsonl` and `ifeval.jsonl` to `folder`.

    Test is IFBench as the paper has it, whose kinds of constraint must not be seen before. Train and val are drawn
    from IFEval, and `ifeval.jsonl` is the rest of it. (The paper draws them from the training queries of IFBench's
    authors, some of whose kinds no verifier of the test sets checks.) Queries that cannot be scored are left out.
    """
    home = cache_folder("ifbench")
    ifbench = [row for row in read_lines(fetched(IFBENCH, home)) if str(row["key"]) not in NOT_IN_THE_PAPER]
    test, learn = _scorable(ifbench), _scorable(read_lines(fetched(IFEVAL, home)))
    if train + val > len(learn):
        raise ExampleError(f"IFEval has {len(learn)} such queries; draw no more than these for train and val together.")
    random.Random(seed).shuffle(learn)
    folder.mkdir(parents=True, exist_ok=True)
    write_lines(folder / "train.jsonl", learn[:train])
    write_lines(folder / "val.jsonl", learn[train : train + val])
    write_lines(folder / "test.jsonl", test)
    write_lines(folder / "ifeval.jsonl", learn[train + val :])


def _scorable(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Examples of `rows`, without those of which no constraint can be checked; says which these are."""
    examples = [example(row) for row in rows]
    try:
        verifiers()
    except UsageError as missing:
        print(f"Queries that cannot be scored stay in, since nothing can be checked here. {missing}")
        return examples
    kept = []
    for one in examples:
        probed = [judge(constraint, one["inputs"]["query"], ORDINARY) for constraint in one["outputs"]["constraints"]]
        if any(verdict.met is not None for verdict in probed):
            kept.append(one)
        else:
            reasons = "; ".join(f"{verdict.words}: {verdict.reason}" for verdict in probed)
            print(f"Query {one['metadata']['id']} is left out, it cannot be scored: {reasons}.")
    return kept


def metric(
    inputs: Mapping[str, Any], outputs: Mapping[str, Any] | None, reference_outputs: Mapping[str, Any]
) -> Feedback:
    """The share of constraints that the response meets, loosely; and for each prompt which its reply missed.

    `outputs` is the final state of `graphs/ifbench.py`, `reference_outputs` the `constraints` (`id`, `arguments`).
    A constraint that cannot be checked does not count. Raises `ExampleError` where none can, and `UsageError` where
    the verifiers are not installed.
    """
    state, query = outputs or {}, inputs["query"]
    draft, response = (
        [judge(constraint, query, str(state.get(reply, ""))) for constraint in reference_outputs["constraints"]]
        for reply in ("draft", "response")
    )
    checked = [verdict.met for verdict in response if verdict.met is not None]
    if not checked:
        raise ExampleError(
            f"No constraint of this example could be checked, so it has no score. {_summary(response, 'response')}"
        )
    return Feedback(
        score=sum(checked) / len(checked),
        comment=_summary(response, "response"),
        by_module={
            "respond": _summary(draft, "draft"),
            "correct": _summary(response, "response", draft),
        },
    )


def _summary(verdicts: Sequence[Verdict], reply: str, before: Sequence[Verdict] = ()) -> str:
    checked = [verdict.met for verdict in verdicts if verdict.met is not None]
    lines = [f"The {reply} meets {sum(checked)} of {len(checked)} constraints."]
    for verdict, drafted in zip_longest(verdicts, before):
        if verdict.met is None:
            lines.append(f"Not checked, and not scored: {verdict.words} ({verdict.reason}).")
        elif verdict.met:
            lines.append(f"Met: {verdict.words}")
        elif drafted is None:
            lines.append(f"Missed: {verdict.words}")
        else:
            lines.append(f"Missed, {'though the draft met it' if drafted.met else 'as in the draft'}: {verdict.words}")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Draws train, val, test and ifeval files from IFBench and IFEval.")
    parser.add_argument("folder", type=Path)
    for split, size in {"train": 150, "val": 300}.items():
        parser.add_argument(f"--{split}", type=int, default=size, help=f"queries (the paper has {size})")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(argv)
    draw(asked.folder, train=asked.train, val=asked.val, seed=asked.seed)


if __name__ == "__main__":
    main()
