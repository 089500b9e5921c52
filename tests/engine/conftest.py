"""Small worlds: a pure score function, a reflection model that answers from the prompt alone, examples by number."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.candidate import Candidate
from langgraph_gepa.core.events import CandidateAdmitted, Event
from langgraph_gepa.core.example import Example, digest
from langgraph_gepa.core.module import Texts
from langgraph_gepa.engine.concurrency import Patience
from langgraph_gepa.engine.judging import Critic
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.optimizer import Examples, Optimizer
from langgraph_gepa.engine.ports import LanguageModel, Store
from langgraph_gepa.engine.proposing import Reflector
from langgraph_gepa.search.rules import GEPA, Rules
from langgraph_gepa.store.memory import MemoryStore
from langgraph_gepa.testing import FakeEvaluator, FakeLanguageModel, Score


def numbered(letter: str, count: int) -> list[Example]:
    return [Example(f"{letter}{place}", {"question": f"{letter}{place}"}) for place in range(count)]


_DATA = re.compile(
    r"^<(module|current_text|record|rejected_text|rejected_edit|broken)\b.*?</\1>$", re.DOTALL | re.MULTILINE
)


def fenced_digest(prompt: str) -> str:
    """A reply that depends on the data in the prompt alone, so that the same reflection learns the same."""
    return f"```\nlearned {digest([data[0] for data in _DATA.finditer(prompt)])}\n```"


def chance(salt: object, modules: int) -> Score:
    """Each text is good, middling or harmful on each example, for good, by the luck of `salt`. Sums are exact."""
    unit = 0.5 if modules < 3 else 0.25

    def score(texts: Texts, example: Example) -> float:
        luck = sum(Random(f"{salt}:{name}:{text}:{example.id}").choice((-1, 0, 1, 2)) for name, text in texts.items())
        return max(-1.0, min(1.0, unit * luck))

    return score


Pace = Callable[[Texts, Example], Awaitable[None]]


def shuffling(salt: object) -> Pace:
    """A pace that lets rollouts end in any order: each gives way to the others a random number of times."""
    rng = Random(str(salt))

    async def pace(texts: Texts, example: Example) -> None:
        for _ in range(rng.randrange(12)):
            await asyncio.sleep(0)

    return pace


class Down(OSError):
    """The world is down; nobody's score."""


def failing_at(call: int) -> Pace:
    """A pace that raises at the given rollout, counted from 1, once."""
    calls = 0

    async def pace(texts: Texts, example: Example) -> None:
        nonlocal calls
        calls += 1
        own = calls
        await asyncio.sleep(0)
        if own == call:
            raise Down

    return pace


@dataclass
class World:
    """One search and everything around it. Sessions share `store`; each has its own ledger and fakes."""

    score: Score
    seed_texts: Texts
    replies: Callable[[str], str | Exception] | Iterable[str | Exception] = fenced_digest
    feedback: int = 7
    pareto: int = 6
    test: int = 0
    store: Store = field(default_factory=MemoryStore)

    def journal(self) -> list[Event]:
        return [event for _, event in self.store.events()]

    def candidates(self) -> list[Candidate]:
        return [event.candidate for event in self.journal() if isinstance(event, CandidateAdmitted)]

    def session(
        self,
        budget: Budget,
        *,
        seed: int = 0,
        in_flight: int = 1,
        rules: Rules = GEPA,
        start: Sequence[Texts] = (),
        concurrency: int = 16,
        observers: Iterable[Any] = (),
        tries: int = 1,
        clock: Callable[[], float] = lambda: 0.0,
        model: LanguageModel | None = None,
        critic: LanguageModel | None = None,
        **evaluator: Any,
    ) -> Optimizer:
        self.evaluator = FakeEvaluator(self.seed_texts, self.score, **evaluator)
        self.model = FakeLanguageModel(self.replies)
        self.ledger = Ledger(
            self.evaluator,
            model or self.model,
            self.store,
            critic=critic,
            observers=tuple(observers),
            concurrency=concurrency,
            patience=Patience(tries=tries, first=0.0),
            clock=clock,
        )
        return Optimizer(
            self.ledger,
            Reflector(self.ledger, self.evaluator),
            self.evaluator.modules,
            Examples(numbered("f", self.feedback), numbered("p", self.pareto), numbered("t", self.test)),
            budget,
            rules,
            start=start,
            seed=seed,
            in_flight=in_flight,
            critic=None if critic is None else Critic(self.ledger),
        )


class Worlds:
    """The builders above, for tests, which cannot import a conftest."""

    World = World
    chance = staticmethod(chance)
    fenced_digest = staticmethod(fenced_digest)
    numbered = staticmethod(numbered)
    shuffling = staticmethod(shuffling)
    failing_at = staticmethod(failing_at)
    Down = Down

    @staticmethod
    def random(salt: object, **sizes: int) -> World:
        """A world of one to four modules and sets of one to eight examples, unless said otherwise."""
        rng = Random(f"world {salt}")
        modules = sizes.pop("modules", rng.randint(1, 4))
        drawn = {"feedback": rng.randint(1, 8), "pareto": rng.randint(1, 8)}
        return World(chance(salt, modules), {f"m{n}": f"seed {n}" for n in range(modules)}, **(drawn | sizes))


@pytest.fixture(scope="session")
def worlds() -> type[Worlds]:
    return Worlds
