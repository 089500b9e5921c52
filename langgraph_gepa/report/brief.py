"""The verdict of a run in a few lines, as `print(result)` and a notebook show it."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill

from markupsafe import Markup, escape

from langgraph_gepa.core.printable import visible
from langgraph_gepa.report import words
from langgraph_gepa.report.comparison import Comparison
from langgraph_gepa.report.verdict import headline
from langgraph_gepa.report.view import View

COLUMNS = 80
"""A notebook and many a log break longer lines in the middle of a word."""


def brief(view: View, next_step: str, chosen: int | None = None) -> dict[str, str]:
    """Returns the lines of a run's summary by label, safe to print; the first, the verdict, has the label "".

    `chosen` is the candidate that the user prefers to the best.
    """
    with words.scores_between(*view.range):
        rows = _rows(view, next_step, chosen)
    return {label: visible(value) for label, value in rows.items()}


def _rows(view: View, next_step: str, chosen: int | None) -> dict[str, str]:
    usage = view.spent.usage
    rows = {"": headline(view)}
    for label, comparison in (("Held-out test", view.test), ("Validation", view.validation)):
        if comparison is not None and (scores := _scores(view, comparison)):
            rows[label] = scores
    if view.worse_slice:
        rows["Worse"] = view.worse_slice
    if view.fruitless:
        rows["Replies"] = " ".join(view.fruitless)
    if chosen is not None and view.best is not None and chosen != view.best.id:
        score = words.candidate_score(view.candidates[chosen].score)
        rows["Chosen"] = f"candidate #{chosen}, {score} on validation, in place of #{view.best.id} above"
    rows |= {
        "Changed": ", ".join(_changed(view, chosen)) or "nothing",
        "Cost": f"{words.cost(usage)}, {words.duration(view.seconds)}",
        "Next": next_step,
    }
    return rows


def as_text(rows: Mapping[str, str]) -> str:
    """Returns the lines as text, the verdict wrapped, the others with the labels in a column."""
    width = max(map(len, rows)) + 2
    return "\n".join(f"{label:<{width}}{value}" if label else fill(value, COLUMNS) for label, value in rows.items())


def as_html(rows: Mapping[str, str]) -> str:
    """Returns the lines as a small HTML table, escaped."""
    left = Markup('style="text-align:left"')
    cell = Markup("<tr><th {left}>{label}</th><td {left}>{value}</td></tr>")
    body = Markup("").join(cell.format(left=left, label=label, value=rows[label]) for label in rows if label)
    return f"<p><strong>{escape(rows.get('', ''))}</strong></p><table>{body}</table>"


def _scores(view: View, comparison: Comparison) -> str:
    """The score of the seed and, if another candidate is the best, of that one."""
    if view.seed is None or view.best is None or not comparison.changes:
        return ""
    standings = (view.seed,) if comparison.difference is None else (view.seed, view.best)
    if comparison.subset == "pareto":
        scores = [words.candidate_score(standing.score) for standing in standings]
    else:
        scores = [words.score(standing.test.mean) for standing in standings if standing.test]
    return " → ".join(scores)


def _changed(view: View, chosen: int | None) -> list[str]:
    if chosen is None:
        return [module.module.name for module in view.changed]
    seed, texts = view.candidates[0].texts, view.candidates[chosen].texts
    return [name for name, text in texts.items() if text != seed.get(name)]
