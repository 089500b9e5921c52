"""A provider that allows less than was asked for, over real HTTP: the run finds its pace and scores nothing by it."""

from __future__ import annotations

import email.utils
import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from langchain_openai import ChatOpenAI
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from pydantic import SecretStr
from typing_extensions import TypedDict

from langgraph_gepa import Budget, Result, RunnerOptions, optimize
from langgraph_gepa.core.events import RolloutFinished
from langgraph_gepa.demo.server import Answer, ApiError, Request, SimulatedServer
from langgraph_gepa.runs import job

ALLOWED = 5
CONCURRENCY = 12
PROMPT = "Answer the question with one word."


class LimitedServer(SimulatedServer):
    """Refuses (429) what exceeds `allowed` at once, with `headers` made at that moment; remembers when it did what."""

    def __init__(self, allowed: Callable[[int], int], headers: Callable[[], dict[str, str]]) -> None:
        super().__init__({"simulated": _answer}, latency=0.01)
        self.allowed = allowed
        self.headers = headers
        self.under_way = 0
        self.served: list[int] = []
        """How many were under way with each answer, itself among them, in the order they began."""
        self.requested: dict[str, list[float]] = defaultdict(list)
        self.refused: dict[str, list[float]] = defaultdict(list)
        self.refused_at: list[int] = []
        """How many answers had begun when each refusal came."""
        self._guard = threading.Lock()

    def answer(self, request: Request) -> Answer:
        with self._guard:
            self.requested[request.digest].append(time.time())
            if self.under_way >= self.allowed(len(self.served)):
                self.refused[request.digest].append(time.time())
                self.refused_at.append(len(self.served))
                raise ApiError(429, "slow down", headers=self.headers())
            if self.allowed(len(self.served)) > CONCURRENCY:
                self.latency = 0.1  # so long that the calls at once are the client's choice, not its pace
            self.under_way += 1
            self.served.append(self.under_way)
        try:
            return super().answer(request)
        finally:
            with self._guard:
                self.under_way -= 1

    def waits(self) -> list[float]:
        """Seconds from each refusal until the same was asked again."""
        return [
            min(at for at in self.requested[name] if at > refused) - refused
            for name, times in self.refused.items()
            for refused in times
        ]


def _answer(request: Request, _: Random) -> Answer:
    return Answer("```\nAnswer with care.\n```" if "Answer" in request.user else f"word {len(request.user) % 3}")


class State(TypedDict, total=False):
    question: str
    answer: str


def graph(url: str) -> CompiledStateGraph[State, None, State, State]:
    model = chat(url)

    async def node(state: State) -> State:
        return {"answer": (await model.ainvoke([("system", PROMPT), ("user", state["question"])])).text}

    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder.compile()


def chat(url: str) -> ChatOpenAI:
    return ChatOpenAI(model="simulated", base_url=url, api_key=SecretStr("none"), max_retries=0)


def searched(server: LimitedServer, folder: Path, examples: int, concurrency: int = CONCURRENCY) -> Result:
    data = [{"inputs": {"question": "x" * n}} for n in range(1, examples + 1)]
    return optimize(
        graph(server.base_url), data[:3], data,
        metric=lambda inputs, outputs: float(outputs["answer"] == f"word {len(inputs['question']) % 3}"),
        reflection_lm=chat(server.base_url), budget=Budget(iterations=1), run=folder, search="gepa",
        concurrency=concurrency, in_flight=1, progress=False, options=RunnerOptions(timeout=None),
    )  # fmt: skip


def scores(result: Result) -> list[float]:
    return [event.score for _, event in result.saved.events if isinstance(event, RolloutFinished)]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own first wait is short, so that what the provider asks for is what is measured."""
    monkeypatch.setattr(job, "WORLD", replace(job.WORLD, first=0.02))


@pytest.mark.usefixtures("impatient")
def test_a_run_settles_at_the_pace_it_is_allowed_and_grows_back(tmp_path: Path) -> None:
    """Five at once are allowed of twelve, later all: few refusals, each waited out, none scored, then full pace."""
    shy, examples = 120, 240
    server = LimitedServer(lambda served: ALLOWED if served < shy else 99, lambda: {"Retry-After-Ms": "200"})
    with server:
        result = searched(server, tmp_path / "run", examples)
    assert scores(result) == [1.0] * len(scores(result))
    assert len(scores(result)) == len(server.served) - 1 >= examples  # the reflection model was tried first
    settled = server.served[20:shy]
    assert ALLOWED / 3 <= sum(settled) / len(settled) <= ALLOWED
    assert sum(20 <= at < shy for at in server.refused_at) <= len(settled) / 4
    assert server.refused_at
    assert min(server.waits()) >= 0.2
    assert max(server.served[shy:]) == CONCURRENCY


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("least", "headers"),
    [
        (0.2, lambda: {"Retry-After": "0.2"}),
        (1.0, lambda: {"Retry-After": "1"}),
        (0.0, lambda: {"Retry-After": email.utils.formatdate(math.ceil(time.time()), usegmt=True)}),
    ],
    ids=["part of a second", "seconds", "date"],
)
def test_the_time_a_provider_names_is_waited_for(
    tmp_path: Path, least: float, headers: Callable[[], dict[str, str]]
) -> None:
    """In seconds or as a date, by the server's own clock: nothing refused is asked again before."""
    dates: list[float] = []

    def named() -> dict[str, str]:
        values = headers()
        if (date := email.utils.parsedate_tz(values["Retry-After"])) is not None:
            dates.append(email.utils.mktime_tz(date))
        return values

    server = LimitedServer(lambda served: 0 if served == 4 and len(server.refused_at) < 1 else 99, named)
    with server:
        result = searched(server, tmp_path / "run", 8, concurrency=1)
    assert scores(result) == [1.0] * len(scores(result))
    assert len(server.refused_at) == 1
    assert min(server.waits()) >= least
    (again,) = (max(server.requested[name]) for name in server.refused)
    assert all(again >= date for date in dates)
