"""The trade-offs between objectives in the report: which candidates to choose from, and what each one costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from langgraph_gepa.core.objectives import SCORE
from langgraph_gepa.report import words
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.tradeoffs import Tradeoff, goals_of, standings, undominated


@dataclass(frozen=True, slots=True)
class TradeoffView:
    """All candidates that were run on enough examples (`known`), and those that no other one dominates (`front`).

    `objectives` are the names of the columns, the score first. Those in `counts`, which come first, decide which
    candidates dominate. The plot shows the score against the second of them, `against`.
    """

    known: tuple[Tradeoff, ...] = ()
    front: tuple[Tradeoff, ...] = ()
    objectives: tuple[str, ...] = ()
    counts: tuple[str, ...] = ()

    @property
    def against(self) -> str:
        return self.counts[1] if len(self.counts) > 1 else ""

    def listed(self, best: int) -> tuple[Tradeoff, ...]:
        """The front and the best candidate, which a cheaper one with the same score may dominate."""
        front = {one.candidate for one in self.front}
        listed = [one for one in self.known if one.candidate in front or one.candidate == best]
        return tuple(sorted(listed, key=lambda one: (one.validation[SCORE], one.candidate)))


def tradeoff_view(pool: Pool) -> TradeoffView:
    known = standings(pool)
    goals = goals_of(pool, known)
    names = dict.fromkeys([*goals, *(name for one in known for name in one.validation)])
    return TradeoffView(known, undominated(known, goals), tuple(names), tuple(goals))


def tradeoffs_json(view: TradeoffView) -> list[dict[str, Any]]:
    """The trade-offs as `show --json` prints them."""
    return [asdict(one) for one in view.front]


def aims(objectives: Mapping[str, Any]) -> str:
    """Formats the objectives of a search: weights in the score, and separate goals."""
    return ", ".join(f"{name} {aim if isinstance(aim, str) else f'{aim:g}'}" for name, aim in objectives.items())


def amount(values: Mapping[str, float], name: str) -> str:
    """Formats the value of an objective; a dash if it is not known."""
    if name not in values:
        return "–"
    value = values[name]
    if name == "dollars":
        return words.money(value)
    if name == "seconds":
        return words.duration(value)
    return words.large(round(value)) if name in ("tokens", "prompt_length") else words.score(value)
