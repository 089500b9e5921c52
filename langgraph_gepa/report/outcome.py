"""Prints the summary at the end of a run: scores before and after, what changed, what it cost."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from langgraph_gepa.core.printable import visible
from langgraph_gepa.report import words
from langgraph_gepa.report.changed_texts import in_short
from langgraph_gepa.report.comparison import Comparison
from langgraph_gepa.report.failed_examples import set_aside_sentences
from langgraph_gepa.report.intervals import Interval
from langgraph_gepa.report.verdict import headline, repeated
from langgraph_gepa.report.view import Standing, View

SIMULATED = "Simulated model: these scores show how the search works, not what a real model would do."
_COPIES = 5
_CHANGED = 5


def print_summary(view: View, console: Console, files: Mapping[str, str] | None = None, next_step: str = "") -> None:
    """Prints the summary of a run. `files` maps the label of each file that was written to its path.

    `next_step` is the command with which to go on.
    """
    with words.scores_between(*view.range):
        _print_summary(view, console, files or {}, next_step)


def _print_summary(view: View, console: Console, files: Mapping[str, str], next_step: str) -> None:
    if view.settings.get("simulated"):
        console.print(Text(SIMULATED, style="yellow"))
    console.print(Text(headline(view), style="bold"))
    if view.seed:
        console.print(_scores(view))
    for sentence in set_aside_sentences(view.set_aside):
        console.print(Text(visible(sentence), style="yellow"))
    for failed in view.failures:
        console.print(Text(visible(str(failed)), style="yellow"))
    for sentence in view.fruitless:
        console.print(Text(sentence, style="yellow"))
    if view.worse_slice:
        console.print(Text(visible(view.worse_slice), style="yellow"))
    for copy in view.copied[:_COPIES]:
        console.print(Text(visible(repeated(copy)), style="yellow"))
    if len(view.copied) > _COPIES:
        console.print(Text(f"and {len(view.copied) - _COPIES} more of these: see the report.", style="yellow"))
    usage = view.spent.usage
    rows = {
        "Changed": _changed(view, console.width - 12),
        **({"Start": starts} if (starts := _starts(view)) else {}),
        "Best": f"candidate #{view.best.id} of {len(view.candidates)}" if view.best else "none yet",
        "Cost": f"{words.cost(usage)}, {words.duration(view.seconds)}",
        "Spent": words.paid(view.spent),
        **({"Noise": words.noise(view.noise)} if view.noise.repeated else {}),
        "Ended": view.reason or "not yet: under way, or stopped, resumable",
        **files,
        **({"Next": next_step} if next_step else {}),
    }
    grid = Table.grid(padding=(0, 2))
    for label, value in rows.items():
        grid.add_row(Text(label, style="dim"), Text(value, overflow="fold"))
    console.print(grid)


def _changed(view: View, width: int) -> str:
    """The new prompts in short: which, by how many lines, and the first of these."""
    lines = [visible(line) for module in view.changed[:_CHANGED] for line in in_short(module, width)]
    if len(view.changed) > _CHANGED:
        lines.append(f"and {words.plural(len(view.changed) - _CHANGED, 'more text')}")
    return "\n".join(lines) or "nothing"


def _starts(view: View) -> str:
    """The validation scores of the candidates that the search was given."""
    return ", ".join(f"#{start.id} {words.candidate_score(start.score)}" for start in view.starts)


def _scores(view: View) -> Table:
    """Seed and best side by side; the seed alone when nothing beats it."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("", "seed", "best", "change", "95 % interval", "n"):  # 80 columns have to hold it
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for label, comparison in (("Held-out test", view.test), ("Validation", view.validation)):
        if comparison is None or not comparison.changes or view.seed is None or view.best is None:
            continue
        seed, best = (_score_text(standing, comparison) for standing in (view.seed, view.best))
        change = comparison.difference
        if change is None:
            table.add_row(label, seed, "", "", "", str(len(comparison.changes)))
            continue
        expected = "≈ " if comparison.subset == "pareto" else ""
        table.add_row(label, seed, best, Text(f"{expected}{words.signed(change.mean)}", style=_change_style(change)),
                      f"{words.signed(change.low)} to {words.signed(change.high)}", str(change.n))  # fmt: skip
    return table


def _score_text(standing: Standing, comparison: Comparison) -> str:
    if comparison.subset == "pareto":
        return words.candidate_score(standing.score)
    return words.score(standing.test.mean) if standing.test else ""


def _change_style(difference: Interval) -> str:
    return {1: "bold green", -1: "bold red", 0: "bold"}[difference.side]
