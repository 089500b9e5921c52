"""What a job checks and says before it spends."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from langgraph_gepa import Budget, RunnerOptions, optimize
from langgraph_gepa.demo.server import Answer, SimulatedServer
from langgraph_gepa.errors import MetricError, UsageError

EXAMPLES = [{"inputs": {"messages": [{"role": "user", "content": f"question {n}"}]}} for n in range(3)]
PRICES = {"simulated": (1.0, 2.0)}


DELETED: list[str] = []


@tool
def delete_account(name: str) -> str:
    """Delete a customer's account."""
    DELETED.append(name)
    return name


def never(rollout: Any) -> float:
    return float("never" in str(rollout))


def search(
    server: SimulatedServer, folder: Path, budget: Budget, lm: Any = None, metric: Any = never,
    perfect: float | None = None, concurrency: int = 16, **options: Any,
) -> Any:  # fmt: skip
    model = ChatOpenAI(model="simulated", base_url=server.base_url, api_key=SecretStr("none"))
    return optimize(
        create_agent(model, [delete_account], system_prompt="You help people with their accounts."),
        EXAMPLES,
        EXAMPLES,
        metric=metric,
        reflection_lm=lm or model,
        budget=budget,
        perfect=perfect,
        concurrency=concurrency,
        run=folder,
        progress=False,
        options=RunnerOptions(**options),
    )


@pytest.fixture
def server() -> Any:
    with SimulatedServer({"simulated": lambda *_: Answer("word")}) as server:
        yield server


def test_dollars_without_prices_are_refused_before_anything_is_paid(server: SimulatedServer, tmp_path: Path) -> None:
    """An unknown model, of the graph or for reflection, and a function, which has no price at all."""
    with pytest.raises(UsageError, match=r"the price of simulated is unknown.*RunnerOptions\(prices="):
        search(server, tmp_path / "run", Budget(dollars=1.0))
    with pytest.raises(UsageError, match="the price of a function's replies is unknown"):
        search(server, tmp_path / "run", Budget(dollars=1.0), lm=lambda _: "no", prices=PRICES)
    assert (server.requests, (tmp_path / "run").exists()) == (0, False)


def test_dollars_hold_with_the_users_prices(server: SimulatedServer, tmp_path: Path) -> None:
    """The run ends by its money, knows to the cent what the server answered, and hardly goes beyond."""
    limit = 0.005
    result = search(server, tmp_path / "run", Budget(dollars=limit), prices=PRICES)
    spent = result.pool.spent.usage
    assert spent.tokens == server.tokens
    assert spent.dollars == pytest.approx((spent.input_tokens + 2 * spent.output_tokens) / 1e6)
    assert limit / 2 < (spent.dollars or 0) < limit * 1.1
    assert result.pool.finished.ended == "dollars"


def test_what_a_budget_buys_and_what_may_do_harm_is_said_first(
    server: SimulatedServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a terminal view the words go to the log, before the first request: only the harm is a warning."""
    caplog.set_level(logging.INFO)
    heard: list[int] = []
    handler = logging.Handler()
    handler.emit = lambda _: heard.append(server.requests)  # type: ignore[method-assign]  # a log that looks at the clock
    logging.getLogger("langgraph_gepa.job").addHandler(handler)
    try:
        search(server, tmp_path / "run", Budget(rollouts=20))
    finally:
        logging.getLogger("langgraph_gepa.job").removeHandler(handler)
    assert heard[:2] == [0, 0]
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert ["really runs them: delete_account (says 'delete')" in said for said in warnings] == [True]
    assert "20 rollouts buy 6 full validations on 3 examples" in caplog.text
    assert "That is few" in caplog.text


@pytest.mark.parametrize("given", [3, 1.01, -0.5])
def test_a_metric_on_another_scale_stops_the_run_at_its_first_score(
    server: SimulatedServer, tmp_path: Path, given: float
) -> None:
    """A judge that gives 1 to 5 would make nearly every answer a perfect one, from which nothing is learned."""
    with pytest.raises(MetricError, match=f"returned {given:g} for example .*perfect=.*--perfect"):
        search(server, tmp_path / "run", Budget(rollouts=20), metric=lambda run: given, concurrency=1)
    assert server.requests == 1


def test_perfect_says_what_the_best_answer_scores(server: SimulatedServer, tmp_path: Path) -> None:
    """With `perfect` any scale is taken, and answers below it are learned from."""
    result = search(server, tmp_path / "run", Budget(rollouts=20), metric=lambda run: 3, perfect=5)
    assert result.pool.mean(result.pool.best) == 3.0
    assert result.pool.spent.reflections > 0
