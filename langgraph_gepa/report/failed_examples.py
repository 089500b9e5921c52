"""Counts the examples on which the graph failed: they score 0 whatever a prompt says, and a mean does not show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from langgraph_gepa.core.events import RolloutFinished
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
    """A candidate `failed` on so many `of` the examples it was run on; first on `example`, with `error`."""

    side: Who
    subset: Literal["pareto", "test"]
    failed: int
    of: int
    example: str
    error: str

    def __str__(self) -> str:
        return failure_sentence(
            self.failed, self.of, f"{SETS[self.subset]} example", HOW[self.side], self.example, self.error
        )


def failure_sentence(count: int, of: int, noun: str, how: str, example: str, error: str) -> str:
    """The failures in words, the same in the log, `show`, the page and `eval`."""
    score = "scores" if count == 1 else "score"
    return (
        f"The graph {how} fails on {count:,} of {words.plural(of, noun)}, which {score} 0. "
        f"On {example}: {words.one_line(error, LONGEST)}"
    )


def failures(journal: Journal, pool: Pool) -> tuple[Failures, ...]:
    """The failures of the seed and of the best candidate, on validation and on held-out examples."""
    if not pool.candidates:
        return ()
    sides: dict[Who, str] = {"seed": pool.candidates[0].key, "best": pool.best.key}
    if sides["best"] == sides["seed"]:
        del sides["best"]
    found = []
    for side, texts in sides.items():
        for subset in SETS:
            errors: dict[str, str | None] = {}
            for _, event in journal:
                if isinstance(event, RolloutFinished) and (event.texts, event.subset) == (texts, subset):
                    errors[event.example] = errors.get(event.example) or event.error
            first = next(((example, error) for example, error in errors.items() if error), None)
            if first is not None:
                count = sum(error is not None for error in errors.values())
                found.append(Failures(side, subset, count, len(errors), *first))
    return tuple(found)
