"""The table of candidates in the report: what is known of each candidate, and the columns that show it.

A new column is one entry of `COLUMNS`. A fact that the view does not have yet is one more field of `CandidateView`,
filled in by `candidate_views` and, for `show --json`, by `candidate_json`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from markupsafe import Markup

from langgraph_gepa.core.candidate import Candidate, Origin
from langgraph_gepa.core.module import Texts
from langgraph_gepa.report import words
from langgraph_gepa.search.advantage import Advantage
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.score import Score, score_of
from langgraph_gepa.search.selection import surviving


@dataclass(frozen=True, slots=True)
class CandidateView:
    """A candidate with what is known of it.

    `changed` names the modules whose text differs from the first parent's. `score` is what is shown for the candidate
    everywhere. `advantage` is what to expect over the seed on new examples; the seed has none. `wins` counts the pareto
    examples on which no candidate scores higher; `frontier` says whether it survives pruning (Alg. 2). `rollouts` and
    `at` (seconds) say when it was found.
    """

    id: int
    parents: tuple[int, ...]
    ancestor: int | None
    origin: Origin
    changed: tuple[str, ...]
    score: Score
    scores: Mapping[str, float]
    advantage: Advantage | None
    wins: int
    frontier: bool
    rollouts: int
    at: float
    texts: Texts


def candidate_views(
    pool: Pool, found: Mapping[int, tuple[int, float]], advantages: Mapping[int, Advantage]
) -> tuple[CandidateView, ...]:
    """The pool's candidates by id. `found` holds the rollouts and seconds spent when each was admitted."""
    kept = surviving(pool)
    return tuple(
        CandidateView(
            id=candidate.id,
            parents=candidate.parents,
            ancestor=candidate.ancestor,
            origin=candidate.origin,
            changed=_changed(pool, candidate),
            score=score_of(pool, candidate.id),
            scores=pool.scores(candidate),
            advantage=advantages[candidate.id] if candidate.parents else None,
            wins=pool.wins[candidate.id].bit_count(),
            frontier=candidate.id in kept,
            rollouts=found[candidate.id][0],
            at=found[candidate.id][1],
            texts=candidate.texts,
        )
        for candidate in pool.candidates
    )


def _changed(pool: Pool, candidate: Candidate) -> tuple[str, ...]:
    if not candidate.parents:
        return ()
    parent = pool.candidates[candidate.parents[0]]
    return tuple(name for name in pool.modules if candidate.texts[name] != parent.texts[name])


def candidate_json(candidate: CandidateView) -> dict[str, Any]:
    """The candidate as `show --json` prints it."""
    return {
        "id": candidate.id,
        "parents": list(candidate.parents),
        "ancestor": candidate.ancestor,
        "origin": candidate.origin,
        "changed": list(candidate.changed),
        "score": candidate.score.value,
        "estimated": candidate.score.estimated,
        "n": candidate.score.n,
        "scores": dict(candidate.scores),
        "advantage": asdict(candidate.advantage) if candidate.advantage else None,
        "wins": candidate.wins,
        "frontier": candidate.frontier,
        "rollouts": candidate.rollouts,
        "seconds": candidate.at,
        "texts": dict(candidate.texts),
    }


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table on the page.

    `cell` gives the text of a candidate's cell, or its markup; `style` is the CSS class of the cells (`num`, `mono`).
    """

    heading: str
    cell: Callable[[CandidateView], str]
    style: str = ""


def _against_seed(candidate: CandidateView) -> str:
    found = candidate.advantage
    if found is None:
        return ""
    return Markup('<span class="chip{}">{}</span> ≈ {} <span class="reason">{} to {}</span>').format(
        " accent" if found.verdict == "better" else "",
        "not known" if found.verdict == "unknown" else found.verdict,
        *map(words.signed, (found.difference, found.low, found.high)),
    )


def _descent(candidate: CandidateView) -> str:
    return words.descent(candidate.origin, candidate.parents, candidate.ancestor)


COLUMNS = (
    Column("Score", lambda candidate: words.candidate_score(candidate.score), "num"),
    Column("Against the seed", _against_seed),
    Column("From", _descent),
    Column("Changed", lambda candidate: words.one_line(", ".join(candidate.changed), 80), "mono"),
    Column("Best on", lambda candidate: str(candidate.wins), "num"),
    Column("At rollout", lambda candidate: f"{candidate.rollouts:,}", "num"),
)
"""The columns after the first, which holds the candidate's number with its marks."""
