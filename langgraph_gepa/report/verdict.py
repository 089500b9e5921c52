"""The verdict in words: whether the new prompts help, the same on the page and in the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from langgraph_gepa.report import words
from langgraph_gepa.report.comparison import Comparison
from langgraph_gepa.report.memorization import Copy
from langgraph_gepa.report.view import Conclusion, View

_CONCLUSIONS: dict[Conclusion, str] = {
    "better": "The new prompts help.",
    "worse": "The new prompts do harm.",
    "unclear": "This may be chance.",
    "few": "Too few examples to conclude from.",
    "learned": "Whether the new prompts help is open: they are scored on examples that they were learned from.",
}


def headline(view: View) -> str:
    """Whether the new prompts help, with the evidence, in a few sentences."""
    evidence, verdict = view.evidence, view.verdict
    if evidence is None or verdict == "none":
        return "The seed is not scored yet."
    if verdict == "same":
        return "No candidate scores higher than the seed so far: the prompts are as they were."
    sentences = [_CONCLUSIONS[verdict]]
    if (change := evidence.difference) is not None:
        low, high = words.signed(change.low), words.signed(change.high)
        interval = f" (95 % interval {low} to {high})"
        if verdict in ("better", "worse", "unclear"):  # the others do not rest on the interval
            interval = f"; its 95 % interval, {low} to {high}, {'excludes' if change.side else 'includes'} zero"
        sentences.append(f"{_where(evidence, change.n)} is {words.signed(change.mean)}{interval}.")
    return " ".join([*sentences, *_reservations(view, evidence)])


_OTHERS = {"pareto": "training", "test": "training or validation"}


def _where(evidence: Comparison, n: int) -> str:
    examples = words.plural(n, "held-out example" if evidence.subset == "test" else "validation example")
    if evidence.learned == len(evidence.changes):
        return f"On {examples} with the inputs of {_OTHERS[evidence.subset]} examples, the change"
    if evidence.subset == "test":
        return f"On {examples} the search never saw, the mean change"
    return f"Judged by {examples}, which also chose these prompts, the change to expect on new examples"


def _reservations(view: View, evidence: Comparison) -> Iterator[str]:
    """Sentences about examples that are weaker evidence than their number suggests."""
    if 0 < (learned := evidence.learned) < len(evidence.changes):
        have = "has" if learned == 1 else "have"
        yield f"{learned:,} more {have} the inputs of {_OTHERS[evidence.subset]} examples and do not count."
    if repeated := view.leakage.repeated.get(evidence.subset):
        yield f"{repeated:,} of the set {'repeats' if repeated == 1 else 'repeat'} the inputs of another one."


def repeated(copy: Copy) -> str:
    """A sentence that quotes the reference output which a new text repeats."""
    which = "validation" if copy.subset == "pareto" else "training"
    quote = words.one_line(copy.quote, 160)
    return f"{copy.module} repeats the reference output of {which} example {copy.example}: “{quote}”"
