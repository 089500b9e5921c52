"""Exact answers in competition mathematics: examples, and what the metrics of `aime.py` and `livebench.py` share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matching import shortened
from sources import write_lines

from langgraph_gepa import Feedback

MODULE = "solve"
"""The one prompt of `graphs/aime.py`."""
WRAPPER = re.compile(r"\\(?:f?boxed|text|mathrm|textbf|mathbf)\s*\{([^{}]*)\}")


def example(problem: str, answer: str, solution: str = "", **metadata: Any) -> dict[str, Any]:
    return {"inputs": {"problem": problem}, "outputs": {"answer": answer, "solution": solution}, "metadata": metadata}


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


def write_splits(folder: Path, *splits: Sequence[Mapping[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in zip(("train", "val", "test"), splits, strict=True):
        write_lines(folder / f"{name}.jsonl", rows)
