"""Renders the live page's other pages: a run before it has begun, a list of runs, two runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from langgraph_gepa.report.html.page import TEXT, Live
from langgraph_gepa.report.html.templating import environment, frame
from langgraph_gepa.report.html.text_diff import Row, diff, fold
from langgraph_gepa.report.view import Conclusion, View
from langgraph_gepa.report.words import candidate_score, clip, scores_between

_VERDICTS: dict[Conclusion, str] = {
    "better": "better",
    "worse": "worse",
    "unclear": "may be chance",
    "few": "too few examples",
    "learned": "not known",
    "same": "unchanged",
    "none": "",
}


def render_waiting(why: str, live: Live) -> str:
    """The page of a run that has nothing to show, and why."""
    scripts = ("live.js", "page.js")
    return environment().get_template("waiting.html.j2").render(why=why, live=live, **frame(*scripts, connected=True))


@dataclass(frozen=True, slots=True)
class RunEntry:
    """A run in the list: its name, its address relative to the list, and its view if it can be read."""

    name: str
    address: str
    view: View | None
    running: bool

    @property
    def scores(self) -> tuple[str, str]:
        """The validation scores of the seed and the best, each with the decimals of this run's scale."""
        if self.view is None or self.view.seed is None or self.view.best is None:
            return "", ""
        with scores_between(*self.view.range):
            return candidate_score(self.view.seed.score), candidate_score(self.view.best.score)

    @property
    def verdict(self) -> str:
        """Whether the new prompts help, in a word or two."""
        return _VERDICTS[self.view.verdict] if self.view else ""


@dataclass(frozen=True, slots=True)
class ModulePair:
    """The best texts of a module in two runs, `None` in one that does not have it."""

    name: str
    one: str | None
    two: str | None
    rows: tuple[Row, ...]


def render_list(folder: str, entries: Sequence[RunEntry]) -> str:
    """The list of runs, with two of them to choose for a comparison."""
    return (
        environment()
        .get_template("runs.html.j2")
        .render(folder=folder, entries=entries, live=None, **frame("page.js", forms=True))
    )


def render_comparison(one: RunEntry, two: RunEntry) -> str:
    """Two runs side by side: scores, cost and the best texts. Both need a view."""
    with _scores_of((one, two)):
        return (
            environment()
            .get_template("compare.html.j2")
            .render(one=one, two=two, pairs=_pairs(one.view, two.view), live=None, **frame("page.js"))
        )


def _scores_of(entries: Sequence[RunEntry]) -> AbstractContextManager[None]:
    """The precision of scores that tells those of each run apart."""
    ranges = [entry.view.range for entry in entries if entry.view]
    return scores_between(*min(ranges, key=lambda ends: ends[1] - ends[0], default=(0.0, 1.0)))


def _pairs(one: View | None, two: View | None) -> list[ModulePair]:
    """The modules of both runs, those whose best texts differ first."""
    texts = [{module.module.name: module.best for module in view.modules} if view else {} for view in (one, two)]
    pairs = []
    for name in dict.fromkeys([*texts[0], *texts[1]]):
        old, new = (known.get(name) for known in texts)
        rows = fold(diff(clip(old or "", TEXT), clip(new or "", TEXT)))
        pairs.append(ModulePair(name, old, new, rows))
    return sorted(pairs, key=lambda pair: pair.one == pair.two)
