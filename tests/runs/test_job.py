"""What a job checks and warns of before it spends."""

from __future__ import annotations

import logging
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from langgraph_gepa import Budget, RunnerOptions, optimize
from langgraph_gepa.adapter.reflection_model import TRIAL
from langgraph_gepa.core.events import ModelTried
from langgraph_gepa.demo.server import Answer, ApiError, SimulatedServer
from langgraph_gepa.errors import Interrupted, ModelError, RunError, UsageError
from langgraph_gepa.store.stop_file import LOOK, STOP, request_stop

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
    perfect: float | None = None, concurrency: int = 16, objectives: Any = None, start: Any = None,
    in_flight: int | None = None, **options: Any,
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
        objectives=objectives,
        start=start,
        in_flight=in_flight,
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
    with pytest.raises(UsageError, match=r"the price of simulated is unknown.*take the objective tokens"):
        search(server, tmp_path / "run", Budget(rollouts=20), objectives={"dollars": "min"})
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
    """Without a terminal view the words go to the log, before the first request; what a budget buys is no warning."""
    caplog.set_level(logging.INFO)
    heard: list[int] = []
    handler = logging.Handler()
    handler.emit = lambda _: heard.append(server.requests)  # type: ignore[method-assign]  # a log that looks at the clock
    logging.getLogger("langgraph_gepa.runs.job").addHandler(handler)
    try:
        search(server, tmp_path / "run", Budget(rollouts=20))
    finally:
        logging.getLogger("langgraph_gepa.runs.job").removeHandler(handler)
    assert heard[:2] == [0, 0]
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    harm, shared, unread = warnings
    assert "really runs them: delete_account (says 'delete')" in harm
    assert "The validation examples are the training examples" in shared
    assert "The last reply: 'word'. Use another model." in unread
    assert "20 rollouts are enough for about " in caplog.text
    assert "That is few" in caplog.text


@pytest.mark.parametrize("given", [3, 1.01, -0.5])
def test_a_metric_on_another_scale_goes_on_and_is_reported_once(
    server: SimulatedServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, given: float
) -> None:
    """A judge that gives 1 to 5, or costs: the run learns below the highest score seen, and does not end as perfect."""
    result = search(server, tmp_path / "run", Budget(rollouts=20), metric=lambda run: given)
    assert result.pool.spent.reflections > 0
    assert result.pool.finished.ended == "unread"  # the model replies with a word
    assert caplog.text.count("which is not between 0 and 1") == 1


def test_perfect_says_what_the_best_answer_scores(server: SimulatedServer, tmp_path: Path) -> None:
    """With `perfect` any scale is taken, and answers below it are learned from."""
    result = search(server, tmp_path / "run", Budget(rollouts=20), metric=lambda run: 3, perfect=5)
    assert result.pool.mean(result.pool.best) == 3.0
    assert result.pool.spent.reflections > 0


def refusing(status: int) -> Any:
    def refuse(*_: Any) -> Answer:
        raise ApiError(status, "no such model, or no such key")

    return refuse


def reflected(server: SimulatedServer, name: str) -> ChatOpenAI:
    return ChatOpenAI(model=name, base_url=server.base_url, api_key=SecretStr("none"), max_retries=0)


@pytest.mark.parametrize("status", [401, 403, 404, 400])
def test_a_reflection_model_that_cannot_answer_is_found_before_a_rollout_is_paid(tmp_path: Path, status: int) -> None:
    """A wrong name, a wrong key: the run stops at the first call, names the model, and goes on once that is fixed."""
    served = {"simulated": lambda *_: Answer("word"), "editor": refusing(status)}
    with SimulatedServer(served) as server:
        with pytest.raises(ModelError, match=r"reflection model.*no such model, or no such key"):
            search(server, tmp_path / "run", Budget(rollouts=20), lm=reflected(server, "editor"))
        assert server.requests == 0
        server.models["editor"] = served["simulated"]
        result = search(server, tmp_path / "run", Budget(rollouts=20), lm=reflected(server, "editor"))
        assert result.pool.spent.usage.tokens == server.tokens


def test_the_first_call_is_made_once_and_paid_for(tmp_path: Path) -> None:
    """It counts in the accounts as the reflection model's and is no reflection; a run that goes on does not repeat it,
    nor does one that was stopped before the graph was scored; a function is not tried at all."""
    prompts: list[str] = []
    stopped: list[bool] = []

    def editor(request: Any, _: Any) -> Answer:
        prompts.append(request.user)
        return Answer("NO CHANGE")

    def stopping_once(rollout: Any) -> float:
        if not stopped:
            stopped.append(True)
            os.kill(os.getpid(), signal.SIGINT)
        return never(rollout)

    def improve() -> Any:
        lm = reflected(server, "editor")
        return search(server, tmp_path / "run", Budget(rollouts=20), lm=lm, metric=stopping_once, concurrency=1)

    with SimulatedServer({"simulated": lambda *_: Answer("word"), "editor": editor}) as server:
        with pytest.raises(KeyboardInterrupt):
            improve()
        assert len(prompts) == 1
        result = improve()
        tried = [event for _, event in result.saved.events if isinstance(event, ModelTried)]
        assert (len(tried), prompts.count(TRIAL)) == (1, 1)
        assert result.pool.spent.reflections == len(prompts) - 1
        assert result.pool.spent.usage.tokens == server.tokens
        prompts.clear()
        search(server, tmp_path / "other", Budget(rollouts=20), lm=lambda _: "NO CHANGE")
        assert prompts == []


def test_a_stop_file_ends_a_run_from_outside_and_it_goes_on(server: SimulatedServer, tmp_path: Path) -> None:
    """As a first Ctrl-C, and gone afterwards; a run that nobody is at work on has nothing to stop."""
    asked: list[bool] = []

    def stopping_once(rollout: Any) -> float:
        if not asked:
            asked.append(True)
            request_stop(tmp_path / "run")
            time.sleep(3 * LOOK)  # as a slow judge; the loop looks meanwhile
        return never(rollout)

    with pytest.raises(Interrupted, match=r"the file 'stop' in the run's folder.*goes on"):
        search(server, tmp_path / "run", Budget(rollouts=20), metric=stopping_once, concurrency=1)
    assert not (tmp_path / "run" / STOP).exists()
    with pytest.raises(RunError, match="there is nothing to stop"):
        request_stop(tmp_path / "run")
    (tmp_path / "run" / STOP).touch()  # from before
    result = search(server, tmp_path / "run", Budget(rollouts=20), metric=stopping_once, concurrency=1)
    assert result.pool.finished is not None


def test_the_page_is_there_while_the_search_goes_on(server: SimulatedServer, tmp_path: Path) -> None:
    """From the first scored candidate on there is a page, so that nobody has to wait for the end to see anything."""
    seen: list[str] = []

    def reflect(prompt: str) -> str:
        if prompt == TRIAL:
            return "Yes."
        until = time.monotonic() + 20
        while not (tmp_path / "run" / "report.html").exists() and time.monotonic() < until:
            time.sleep(0.02)
        seen.append((tmp_path / "run" / "report.html").read_text())
        return "```\nYou never help.\n```"

    search(server, tmp_path / "run", Budget(iterations=1), lm=reflect)
    assert "Not finished" in seen[0]
    assert "Finished" in (tmp_path / "run" / "report.html").read_text()


def test_the_price_of_the_graph_is_an_objective_whatever_the_reflection_costs(
    server: SimulatedServer, tmp_path: Path
) -> None:
    """A function has no price, and rollouts do not call it."""
    result = search(
        server, tmp_path / "run", Budget(rollouts=20), lm=lambda _: "no", objectives={"dollars": "min"}, prices=PRICES
    )
    assert result.tradeoffs[0].validation["dollars"] > 0
    assert result.choose(by="dollars").prompts == result.prompts


def test_a_model_that_never_answers_in_the_form_is_quoted_once_and_ends_the_run(
    server: SimulatedServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its last reply is masked and printable; a new run with another model takes over its rollouts."""
    how: dict[str, Any] = {"mask": lambda text: text.replace("s3cret", "[hidden]"), "in_flight": 1}
    folder = tmp_path / "run"
    result = search(server, folder, Budget(rollouts=900), lm=lambda _: "I think\n\x1b[2Js3cret is " + "so " * 99, **how)
    assert (result.pool.finished.ended, result.pool.answers.unread) == ("unread", 10)
    (warning,) = [text for text in caplog.messages if "iterations in a row" in text]
    assert "no fenced block that is clearly the new text. The last reply: 'I think" in warning
    assert "[hidden] is so so" in warning
    assert not {"s3cret", "\x1b"} & {*warning.split(), *warning}
    assert len(warning) < 500
    search(server, folder, Budget(rollouts=9000), lm=lambda _: "NO CHANGE", **how)
    assert "a new run with another model and this one as start= (--start)" in caplog.messages[-1]
    result = search(server, tmp_path / "new", Budget(rollouts=99), lm=lambda _: "NO CHANGE", start=folder, **how)
    assert (result.pool.finished.ended, result.pool.spent.carried) == ("unchanged", 3)
