"""Both sides of a run's accounts: what a simulated server answered, and what the run's folder knows of it.

Every answer of the server ends in the digest of what was asked, so the journal can be held against the
server's list call by call, however many were under way at once.
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from langgraph_gepa.core.events import (
    CandidateAdmitted,
    Event,
    IterationFinished,
    ModelTried,
    OpinionFinished,
    ReflectionFinished,
    RolloutFinished,
)
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.demo.server import Answer, Request, SimulatedServer
from langgraph_gepa.demo.wire import usage_of
from langgraph_gepa.engine.codec import load
from langgraph_gepa.engine.ports import Reply
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.store.folder import DATABASE, open_run

REFUSED = "What is 3 "
"""How the questions begin that a judge which refuses always refuses."""

Paid = RolloutFinished | ReflectionFinished | OpinionFinished | ModelTried

_DIGEST = re.compile(r"[0-9a-f]{16}")


def simulated(request: Request, rng: Random) -> Answer:
    return Answer(" ".join(["word"] * rng.randint(1, 40) + [request.digest]))


def reflector(request: Request, _: Random) -> Answer:
    return Answer(f"```\nLearned {request.digest}.\n```")


def critic(request: Request, _: Random) -> Answer:
    """Hopes for one edit and doubts the next, for good."""
    return Answer(f'{{"helps": {int(request.digest, 16) % 101}}} {request.digest}')


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was answered. `mentions` are the answers that the same rollout had had by then.

    `question` is that of a rollout which a judge may refuse, and otherwise empty.
    `begun` and `answered` are seconds of `time.monotonic`.
    """

    name: str
    model: str
    tokens: int
    mentions: frozenset[str]
    question: str
    begun: float
    answered: float


class CountingServer(SimulatedServer):
    """Lists what it has answered, in order. `under_way` is how many answers it has begun and not ended."""

    def __init__(self, latency: float) -> None:
        super().__init__({"simulated": simulated, "reflector": reflector, "critic": critic}, latency=latency)
        self.log: list[Asked] = []
        self.under_way = 0
        self._listing = threading.Lock()

    def answer(self, request: Request) -> Answer:
        begun = time.monotonic()
        with self._listing:
            self.under_way += 1
        try:
            answer = super().answer(request)
            tokens = usage_of(request, answer)["total_tokens"]
            # A reflection quotes the rollouts of others.
            mentions = frozenset(_DIGEST.findall(request.user) if request.model == "simulated" else ())
            question = request.user.partition("\n")[0]
            if request.model != "simulated" or not question.startswith(REFUSED):
                question = ""
            asked = Asked(request.digest, request.model, tokens, mentions, question, begun, time.monotonic())
            with self._listing:
                self.log.append(asked)
            return answer
        finally:
            with self._listing:
                self.under_way -= 1


@dataclass(frozen=True, slots=True)
class Books:
    """What a run's folder knows: its journal, all tokens it has or will have on its account, and the
    requests behind the rollouts and replies it keeps."""

    events: Sequence[Event]
    tokens: int
    kept: Counter[str]


def books(folder: Path) -> Books:
    """Also of a run that was killed while it made its folder."""
    if not (folder / DATABASE).exists() or not (folder / DATABASE).stat().st_size:
        return Books((), 0, Counter())
    with closing(open_run(folder, create=False, read_only=True)) as store:
        events = [event for _, event in store.events()]
        spent = sum(store.notes().values(), Pool.replay(events).spent.usage)
        kept = Counter(name for event in paid(events) for name in _requests(event, store.paid(event.ledger) or ""))
    return Books(events, spent.tokens, kept)


def paid(events: Iterable[Event]) -> list[Paid]:
    return [e for e in events if isinstance(e, Paid) and not (isinstance(e, RolloutFinished) and e.reused)]


def _requests(event: Event, body: str) -> list[str]:
    if not isinstance(event, RolloutFinished):
        return _DIGEST.findall(load(Reply, body).text)
    return [_DIGEST.findall(call.output["content"])[-1] for call in load(Rollout, body).calls]


def not_kept(asked: Sequence[Asked], names: Counter[str]) -> list[Asked]:
    """As many of `asked` as `names` says, the latest of each name. Raises `ValueError` when there are fewer."""
    left, found = names.copy(), []
    for one in reversed(asked):
        if left[one.name] > 0:
            left[one.name] -= 1
            found.append(one)
    if +left:
        raise ValueError(f"{left.total()} answers that a run had kept are gone")
    return found


def last_of_each(asked: Sequence[Asked]) -> list[Asked]:
    """Those whose answer no other of them was asked with: what a process was waiting for, or only just had."""
    mentioned = Counter(name for one in asked for name in one.mentions)
    last = []
    for one in asked:
        if mentioned[one.name] > 0:
            mentioned[one.name] -= 1
        else:
            last.append(one)
    return last


def adds_up(total: int, parts: Sequence[int]) -> bool:
    """Whether some of `parts`, each at most once, make `total`."""
    sums = {0}
    for part in parts:
        sums |= {known + part for known in sums}
    return total in sums


def outcome(events: Iterable[Event]) -> list[Any]:
    """What a run found and how, and what it paid for: all but what was charged."""
    scores = sorted(
        (e.iteration, e.texts, e.example, e.subset, e.score, e.reused) for e in events if isinstance(e, RolloutFinished)
    )
    return [[e for e in events if isinstance(e, CandidateAdmitted | IterationFinished)], scores]
