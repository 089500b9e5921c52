"""Did it help? The answer in words, the same on the page and in the terminal."""

from __future__ import annotations

from langgraph_gepa.report import words
from langgraph_gepa.report.intervals import Interval
from langgraph_gepa.report.view import View
from langgraph_gepa.search.advantage import Advantage
from langgraph_gepa.search.overlap import Copy


def headline(view: View) -> str:
    """What the run is worth, with the evidence, in a sentence or two."""
    if view.evidence is None or view.evidence.difference is None:
        return "The seed is not scored yet."
    if view.verdict == "same":
        return "No candidate scores higher than the seed so far: the prompts are as they were."
    change = view.evidence.difference
    conclusion = {
        "better": "The new prompts help.",
        "worse": "The new prompts do harm.",
        "unclear": "This may be chance.",
        "few": "Too few examples to conclude from.",
    }[view.verdict]
    span: Interval | Advantage = change
    where, its = f"On {words.plural(change.n, 'held-out example')} the search never saw", "its"
    if view.evidence.subset == "pareto":
        span = view.advantage or change
        where = f"On {words.plural(change.n, 'validation example')}, which the search chose the candidate by"
        its = "that choice allowed for, its"
    low, high = words.signed(span.low), words.signed(span.high)
    side = "includes" if span.low <= 0 <= span.high else "excludes"
    return (
        f"{conclusion} {where}, the mean change is {words.signed(change.mean)}; "
        f"{its} 95 % interval, {low} to {high}, {side} zero."
    )


def repeated(copy: Copy) -> str:
    """An answer that a new text has learned by heart, quoted."""
    which = "validation" if copy.subset == "pareto" else "training"
    quote = words.one_line(copy.quote, 160)
    return f"{copy.module} repeats the reference output of {which} example {copy.example}: “{quote}”"
