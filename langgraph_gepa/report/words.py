"""Formats numbers and texts from outside for people, the same way on the page and in the terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from langgraph_gepa.core.budget import Spent
from langgraph_gepa.core.candidate import Origin
from langgraph_gepa.core.endings import Cause, Ended
from langgraph_gepa.core.events import ChildrenProposed, IterationFinished, RunFinished
from langgraph_gepa.core.printable import visible
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.reflection.proposal import in_words
from langgraph_gepa.search.score import Score
from langgraph_gepa.search.tally import Noise


def one_line(text: str, width: int = 80) -> str:
    """The first words of `text` on one line of at most `width` characters."""
    words = " ".join(visible(text[: 4 * width]).split())
    return words if len(words) <= width and len(text) <= 4 * width else words[: width - 1].rstrip() + "…"


def clip(text: str, limit: int) -> str:
    """`text`, or its beginning with a note on how much is left out."""
    return text if len(text) <= limit else f"{text[:limit].rstrip()} … ({len(text) - limit:,} more characters)"


_DECIMALS: ContextVar[int | None] = ContextVar("decimals", default=None)


@contextmanager
def scores_between(low: float, high: float) -> Iterator[None]:
    """Within this context, scores are written with the decimals that tell those between `low` and `high` apart."""
    before = _DECIMALS.set(_decimals(low, high))
    try:
        yield
    finally:
        _DECIMALS.reset(before)


def _decimals(low: float, high: float) -> int | None:
    """Three for the usual scales, and as many as show half a percent of the spread for smaller and larger ones."""
    spread = high - low or abs(high)
    if not math.isfinite(spread) or spread <= 0:
        return None
    return 3 if 0.05 <= spread <= 5 else min(12, max(0, math.ceil(2.3 - math.log10(spread))))


def score(value: float, digits: int = 3) -> str:
    """A score with three decimals, or what `scores_between` makes of them; with one less of them for `digits=2`."""
    decimals = _DECIMALS.get()
    if decimals is None:
        return f"{value:.{digits}f}" if abs(value) < 100 else f"{value:.4g}"
    return f"{value:.{max(0, decimals + digits - 3)}f}"


def candidate_score(candidate: Score, digits: int = 3) -> str:
    """A candidate's score: as measured, or as an estimate (`≈`) with how many examples it was run on."""
    value = score(candidate.value, digits)
    return f"≈ {value} ({candidate.n:,} of {candidate.of:,})" if candidate.estimated else value


def signed(value: float, digits: int = 3) -> str:
    """A score with its sign (a true minus), without one if it rounds to zero."""
    text = score(abs(value), digits)
    return text if not float(text) else ("+" if value > 0 else "−") + text


def cost(usage: Usage) -> str:
    """The price, the tokens, and how many of them are estimates. An unknown price comes last."""
    price = "" if usage.dollars is None else f"{money(usage.dollars)}, "
    most = "all" if usage.estimated == usage.tokens else f"{usage.estimated:,} of them"
    notes = "; ".join(
        note
        for note, holds in ((f"{most} estimated", usage.estimated), ("price unknown", usage.dollars is None))
        if holds
    )
    return f"{price}{plural(usage.tokens, 'token')}{f' ({notes})' if notes else ''}"


def money(dollars: float | None) -> str:
    if dollars is None:
        return "unknown"
    if dollars >= 0.1 or dollars <= 0:
        return f"${dollars:,.2f}"
    digits = max(4, 1 - math.floor(math.log10(dollars)))  # a tiny budget is not $0.0000
    return f"${dollars:.{digits}f}"


def noise(found: Noise) -> str:
    """How much scores of the same prompts on the same example differ; empty where no rollout was repeated."""
    if not found.repeated:
        return ""
    if found.none:
        return f"none in {plural(found.repeated, 'repeated rollout')}"
    spread = score(found.variance**0.5, 2)
    return f"a standard deviation of {spread} in {plural(found.repeated, 'repeated rollout')}"


def large(count: int) -> str:
    """A count in at most four significant digits."""
    if count < 10_000:
        return f"{count:,}"
    return f"{count / 1e3:.0f} k" if count < 999_500 else f"{count / 1e6:.2f} M"


def duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


_AMOUNTS: dict[str, Callable[[Any], str]] = {
    "rollouts": lambda n: plural(n, "rollout"),
    "tokens": lambda n: plural(n, "token"),
    "dollars": money,
    "seconds": duration,
    "iterations": lambda n: plural(n, "iteration"),
    "reflections": lambda n: plural(n, "reflection"),
    "target": lambda n: f"a score of {n:g}",
    "patience": lambda n: f"{plural(n, 'iteration')} without better prompts",
}


def limits(budget: Mapping[str, Any]) -> str:
    """A budget in words: `300 rollouts or $5.00`."""
    known = [write(budget[name]) for name, write in _AMOUNTS.items() if budget.get(name) is not None]
    return " or ".join(known) or "no limit"


WON: Mapping[Ended | None, str] = {
    "target": "the best prompts reach the target, {target:g}; it goes on with a higher target",
    "patience": "{patience:,} iterations found no better prompts; it goes on with more patience",
    "gain": (
        "another iteration is expected to gain less than {gain:g} of what one validation example counts; it goes on "
        "with gain=0"
    ),
    "perfect": "the best prompts are perfect on every validation example; it goes on with gain=0",
}
"""Why a search ended that reached its aim, and what makes it go on; filled with the fields of `Budget`."""

NOTHING_LEFT: Mapping[Ended | None, str] = {
    "solved": "a candidate scores perfect on every training example, so nothing is left to learn from",
    "unchanged": "no reflection led to a new prompt that could be tried",
    "exhausted": "every failure was reflected on as often as makes sense, and no further new prompt helped",
    "unread": (
        "no reply of the reflection model could be used; a new run with another model and this one as start= "
        "(--start) takes over the rollouts that were paid for"
    ),
}


_SPENT: dict[Ended, str] = {"seconds": "passed", "iterations": "done"}


def ending(finished: RunFinished, budget: Mapping[str, Any], spent: Spent, seconds: float) -> str:
    """Why the search ended. `budget` has the fields of `Budget`."""
    if finished.ended is None:
        return finished.reason
    if finished.ended in NOTHING_LEFT:
        return NOTHING_LEFT[finished.ended]
    if finished.ended in WON:
        given = finished.ended == "perfect" or budget.get(finished.ended) is not None
        return WON[finished.ended].format(**budget) if given else f"the budget's {finished.ended} was reached"
    used: dict[Ended, float] = {
        "rollouts": spent.rollouts,
        "tokens": spent.usage.tokens,
        "dollars": spent.usage.dollars or 0.0,
        "seconds": seconds,
        "iterations": spent.iterations,
        "reflections": spent.replies,
    }
    amount, limit = used[finished.ended], budget.get(finished.ended)
    if limit is None:
        return f"the budget's {finished.ended} are spent"
    write = _AMOUNTS[finished.ended]
    counted = finished.ended in ("rollouts", "tokens", "iterations", "reflections")
    words = f"{f'{amount:,}' if counted else write(amount)} of {write(limit)} {_SPENT.get(finished.ended, 'spent')}"
    return words if amount >= limit else f"{words}, and what is left may be too little to go on"


CAUSES: Mapping[Cause, str] = {
    "seed": "the seed",
    "perfect": "every score is perfect",
    "no_failures": "it has no failure left to reflect on",
    "unused": "none of the prompts was used in these rollouts",
    "no_texts": "no reflection gave a new text",
    "repeated": "these texts were tried before",
    "no_rollouts": "no rollouts are left to try the new texts",
    "no_better": "no better than its parent on the training examples it was tried on",
    "below_parents": "worse than one of its parents on the examples that compared them",
    "stopped": "stopped after {ran} of {pareto} validation examples",
    "start": "given as a start, and run on {ran} of {pareto} validation examples",
}


def cause(finished: IterationFinished, pareto: int) -> str:
    """Why an iteration ended as it did; `pareto` is the size of the pareto set."""
    if finished.cause is None:
        return finished.reason
    return CAUSES[finished.cause].format(ran=finished.ran, pareto=pareto)


def without_texts(proposed: ChildrenProposed) -> str:
    """Why reflection gave no new text, module by module."""
    return "; ".join(
        f"{name}: {proposed.details.get(name) or in_words(code)}" for name, code in proposed.reasons.items()
    )


def descent(origin: Origin, parents: Sequence[int], ancestor: int | None = None, joint: str = ", ") -> str:
    """How a candidate came about: `mutation of #3`; `seed` and `start` stand by themselves."""
    if origin in ("seed", "start"):
        return origin
    over = "" if ancestor is None else f" over #{ancestor}"
    return f"{origin} of {joint.join(f'#{id}' for id in parents)}{over}"


def paid(spent: Spent) -> str:
    """The rollouts and reflections that a run paid for, and the rollouts that it did not have to."""
    carried = f", {plural(spent.carried, 'rollout')} carried over from earlier runs" if spent.carried else ""
    rollouts = f"{plural(spent.rollouts, 'rollout')} and {spent.tests:,} on held-out examples"
    return f"{rollouts}, {replies(spent)}{carried}"


def opinions(proposed: ChildrenProposed) -> str:
    """What the critic says of the new texts: how likely each helps, and its flaws. Empty without a critic."""
    parts = []
    for name, opinion in proposed.opinions.items():
        flaws = f" ({', '.join(opinion.flaws)})" if opinion.flaws else ""
        of = "" if len(proposed.opinions) == 1 else f"{name} "
        parts.append(f"{of}{opinion.chance:.0%}{flaws}")
    return f"critic: {', '.join(parts)}" if parts else ""


def replies(spent: Spent) -> str:
    """How many reflections were paid for, and how many opinions where there is a critic."""
    reflections = plural(spent.reflections, "reflection")
    return f"{reflections}, {plural(spent.opinions, 'opinion')} of the critic" if spent.opinions else reflections


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
