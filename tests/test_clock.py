"""A wall clock that jumps during a run: seconds are counted by a clock that cannot."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import pytest
from langchain_openai import ChatOpenAI
from langgraph.graph import START, StateGraph
from pydantic import SecretStr
from typing_extensions import TypedDict

from langgraph_gepa import Budget, optimize
from langgraph_gepa.core.events import RolloutFinished
from langgraph_gepa.demo.server import Answer, SimulatedServer

PROMPT = "Answer the question with one word."


class State(TypedDict, total=False):
    question: str
    answer: str


def test_a_wall_clock_that_jumps_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Years back and forth: a budget of seconds holds, journal and rollouts keep their real durations."""
    real, jumps = time.time, itertools.cycle([0.0, 3e8, -3e8, 86_400.0, -86_400.0])
    monkeypatch.setattr(time, "time", lambda: real() + next(jumps))
    with SimulatedServer({"simulated": lambda *_: Answer("```\nAnswer with care.\n```")}) as server:
        model = ChatOpenAI(model="simulated", base_url=server.base_url, api_key=SecretStr("none"), max_retries=0)

        async def node(state: State) -> State:
            return {"answer": (await model.ainvoke([("system", PROMPT), ("user", state["question"])])).text}

        graph = StateGraph(State).add_node("node", node).add_edge(START, "node").compile()
        examples = [{"inputs": {"question": f"question {n}"}} for n in range(6)]
        began = time.monotonic()
        result = optimize(
            graph, examples, examples, metric=lambda outputs: len(outputs["answer"]) % 3 / 3, reflection_lm=model,
            budget=Budget(iterations=4, seconds=60), run=tmp_path / "run", progress=False,
        )  # fmt: skip
        lasted = time.monotonic() - began
    times = [at for at, _ in result.saved.events]
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] <= lasted
    rollouts = [event for _, event in result.saved.events if isinstance(event, RolloutFinished)]
    assert all(0 <= rollout.seconds <= lasted and rollout.error is None for rollout in rollouts)
    assert result.pool.finished is not None
    assert result.view.reason == "4 of 4 iterations done"
