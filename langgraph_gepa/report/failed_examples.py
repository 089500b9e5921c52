"""Counts the examples on which the graph failed: no prompt changes their score, and a mean does not show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from langgraph_gepa.core.common_error import commonest
from langgraph_gepa.core.events import RolloutFinished, Subset
from langgraph_gepa.core.leakage import NAMES
from langgraph_gepa.report import words
from langgraph_gepa.report.progress import Journal
from langgraph_gepa.search.pool import Pool

LONGEST = 300
"""Characters of an error that are shown."""

Who = Literal["seed", "best"]
HOW: dict[Who, str] = {"seed": "as it is", "best": "with the best prompts"}
SETS: dict[Literal["pareto", "test"], str] = {"pareto": "validation", "test": "held-out"}


@dataclass(frozen=True, slots=True)
class Failures:
    """A candidate `failed` on so many `of` the examples it was run on; `error`, on `example`, is the commonest."""

    side: Who
    subset: Literal["pareto", "test"]
    failed: int
    of: int
    example: str
    error: str
    score: float = 0.0

    def __str__(self) -> str:
        return failure_sentence(
            self.failed, self.of, f"{SETS[self.subset]} example", HOW[self.side], self.example, self.error, self.score
        )


def failure_sentence(count: int, of: int, noun: str, how: str, example: str, error: str, score: float = 0.0) -> str:
    """The failures in words, the same in the log, `show`, the page and `eval`."""
    verb = "scores" if count == 1 else "score"
    return (
        f"The graph {how} fails on {count:,} of {words.plural(of, noun)}, which {verb} {score:g}. "
        f"On {example}: {words.one_line(error, LONGEST)}"
    )


def set_aside_sentences(set_aside: Mapping[Subset, Mapping[str, str]]) -> tuple[str, ...]:
    """The examples that were set aside in words, a sentence for each set; `set_aside` is the pool's."""
    return tuple(
        f"Without {words.plural(len(examples), f'{NAMES[subset]} example')}, set aside because rollouts kept failing "
        f"there alone: {', '.join(f'{example} ({failure})' for example, failure in examples.items())}."
        for subset, examples in set_aside.items()
    )


def failures(journal: Journal, pool: Pool) -> tuple[Failures, ...]:
    """The failures of the seed and of the best candidate, on validation and on held-out examples."""
    if not pool.candidates:
        return ()
    names: dict[str, Who] = {pool.best.key: "best", pool.candidates[0].key: "seed"}  # the best may be the seed
    errors = {(who, subset): dict[str, str | None]() for who in HOW for subset in SETS}
    for _, event in journal:
        if isinstance(event, RolloutFinished) and event.example in pool.set_aside.get(event.subset, ()):
            continue
        if isinstance(event, RolloutFinished) and (where := (names.get(event.texts), event.subset)) in errors:
            known = errors[where]
            known[event.example] = known.get(event.example) or event.error
    return tuple(
        Failures(*where, len(failed), len(known), *commonest(failed)[:2], pool.scale.failure_score)
        for where, known in errors.items()
        if (failed := [(example, error) for example, error in known.items() if error])
    )
