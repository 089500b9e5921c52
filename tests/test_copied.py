"""A winner that learned answers by heart, on a real graph with a simulated model."""

from __future__ import annotations

from pathlib import Path

import pytest

from langgraph_gepa import Budget, Result, optimize
from langgraph_gepa.demo.lessons import tagged
from langgraph_gepa.report.json_view import to_json

ANSWERS = ("the parcel was left with the neighbour at number nine", "the refund of forty euros is on its way to you")


def crammer(prompt: str) -> str:
    """A simulated reflection model that writes the right answer of the first record into the text."""
    (text,) = tagged(prompt, "current_text")
    answer = tagged(prompt, "feedback")[0].rpartition("must mention ")[2]
    return f"```\n{text} If asked, say:\n  {answer.upper()}.\n```"


def right(outputs: dict[str, str], reference_outputs: dict[str, str]) -> tuple[bool, str]:
    return reference_outputs["sort"] in outputs["kind"].lower(), f"must mention {reference_outputs['sort']}"


@pytest.mark.parametrize("search", ["racing", "gepa"])
def test_a_winner_that_repeats_answers_is_flagged(project: Path, search: str) -> None:
    """With the module, the words, and the example, in the result as in its folder; held-out examples are not read."""
    inputs = {"name": "Ada", "letter": "Where is it?"}
    train, val = ([{"id": f"{name}-{n}", "inputs": {**inputs, "letter": f"{name} {n}"}, "outputs": {"sort": answer}}
                   for n, answer in enumerate(answers)]
                  for name, answers in (("train", ANSWERS), ("val", ("parcel", "refund"))))  # fmt: skip
    result = optimize(
        "letters.py:graph", train, val, testset=val, metric=right, reflection_lm=crammer, modules=["sort"],
        budget=Budget(rollouts=40), run="run", search=search, progress=False,
    )  # fmt: skip
    assert result.best.id
    assert {copy.example for copy in result.copied} <= {"train-0", "train-1"}
    for copy in result.copied:
        assert (copy.module, copy.subset) == ("sort", "feedback")
        assert copy.quote.lower() == ANSWERS[int(copy.example[-1])]
    assert result.copied
    assert Result.open("run").copied == result.copied
    assert len(to_json(result.view)["copied"]) == len(result.copied)
    assert "Learned by heart" in Path("run/report.html").read_text()
