"""Whose failure it was, by where it came up: the table of cases, for the graph and for the metric."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import httpx
import openai
import pytest
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime
from pydantic import SecretStr
from typing_extensions import TypedDict

from langgraph_gepa import Budget, Feedback, RunnerOptions, evaluate, optimize
from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.failures.classification import is_world_failure
from langgraph_gepa.adapter.failures.diagnosis import diagnosis, unreachable_address
from langgraph_gepa.adapter.rollout.evaluator import GraphEvaluator
from langgraph_gepa.core.budget import Spent
from langgraph_gepa.core.events import RolloutFinished
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.rollout import Rollout, Usage
from langgraph_gepa.demo.server import Answer, ApiError, SimulatedServer
from langgraph_gepa.engine.meter import metered
from langgraph_gepa.engine.ports import Unfinished
from langgraph_gepa.errors import Interrupted, MetricError, WorldFailure
from langgraph_gepa.runs import job

Verdict = Literal["candidate", "either", "world"]
PROMPT = "Answer the question in one word."


class State(TypedDict, total=False):
    question: str
    answer: str
    notes: list[Any]


def chat(url: str, **how: Any) -> ChatOpenAI:
    return ChatOpenAI(model="m", base_url=url, api_key=SecretStr("none"), max_retries=0, **how)


def nobody() -> str:
    """An address on this machine at which nothing answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


def graph_of(node: Callable[[State], State]) -> Any:
    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder.compile()


def http(status: int) -> Exception:
    request = httpx.Request("GET", "http://127.0.0.1/search?q=x")
    return httpx.HTTPStatusError("no", request=request, response=httpx.Response(status, request=request))


def raises(error: Exception) -> Callable[..., Any]:
    def call(*_: Any) -> Any:
        raise error

    return call


def refuses(status: int) -> Callable[..., Any]:
    """A chat model's call, answered with `status`."""

    def call(*_: Any) -> Any:
        def persona(*_: Any) -> Answer:
            raise ApiError(status, "no")

        with SimulatedServer({"m": persona}) as server:
            return chat(server.base_url).invoke("hi")

    return call


def unreachable(*_: Any) -> Any:
    return chat(nobody()).invoke("hi")


def unreachable_without_langchain(*_: Any) -> Any:
    client = openai.OpenAI(base_url=nobody(), api_key="none", max_retries=0)
    return client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])


def wrapped(*_: Any) -> Any:
    try:
        refuses(429)()
    except openai.RateLimitError as error:
        raise RuntimeError("the planner failed") from error


TABLE: list[Any] = [
    pytest.param(refuses(429), "world", id="a model call's rate limit"),
    pytest.param(refuses(503), "world", id="a model call's outage"),
    pytest.param(refuses(401), "world", id="a model call's bad key"),
    pytest.param(unreachable, "world", id="a model call that nothing answers"),
    pytest.param(unreachable_without_langchain, "world", id="a provider's own client that nothing answers"),
    pytest.param(wrapped, "world", id="a model call's rate limit in an error of the node's"),
    pytest.param(raises(OSError(errno.ENOSPC, "disk full")), "world", id="a full disk"),
    pytest.param(raises(MemoryError()), "world", id="no memory"),
    pytest.param(raises(WorldFailure("no verdict")), "world", id="a failure that the user's code calls the world's"),
    pytest.param(raises(TimeoutError("slow")), "either", id="a time-out of its own"),
    pytest.param(raises(ConnectionResetError("cut")), "either", id="a connection of its own"),
    pytest.param(raises(httpx.ConnectError("no")), "either", id="a search service that nothing answers"),
    pytest.param(raises(http(503)), "either", id="a search service's outage"),
    pytest.param(raises(http(429)), "either", id="a search service's rate limit"),
    pytest.param(raises(http(401)), "either", id="a page behind a login"),
    pytest.param(raises(http(404)), "candidate", id="a page that does not exist"),
    pytest.param(raises(KeyError("plan")), "candidate", id="a bug or a bad output"),
    pytest.param(refuses(400), "candidate", id="a prompt the provider cannot take"),
]


def verdict(call: Callable[[], Any]) -> tuple[Verdict, Rollout | None, Exception | None]:
    try:
        rollout = call()
    except Unfinished as unfinished:
        return "world" if unfinished.stands is None else "either", unfinished.stands, unfinished.cause
    except MetricError:
        return "candidate", None, None
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the case
        return "world", None, error
    return "candidate", rollout, None


def evaluated(node: Any, metric: Any, **options: Any) -> Callable[[], Rollout]:
    evaluator = GraphEvaluator(survey(graph_of(node)), metric, options=RunnerOptions(**options))
    return lambda: asyncio.run(evaluator.evaluate({}, Example("e", {"question": "q"})))


@pytest.mark.parametrize(("fails", "whose"), TABLE)
def test_whose_failure_a_graphs_is(fails: Any, whose: Verdict) -> None:
    """What is in doubt comes with the rollout that stands if it has to: score 0, the error as feedback."""
    found, rollout, _ = verdict(evaluated(fails, lambda outputs: 1.0))
    assert found == whose
    if rollout is not None:
        assert rollout.score == 0.0
        assert "In node node" in rollout.feedback.comment == f"The run failed. {rollout.error}"


@pytest.mark.parametrize(("fails", "whose"), TABLE)
def test_whose_failure_a_metrics_is(fails: Any, whose: Verdict) -> None:
    """The same border; what is neither the world's nor in doubt is the metric's mistake, and named so."""
    found, rollout, _ = verdict(evaluated(lambda _: {}, lambda outputs: fails()))
    assert (found, rollout is None) == (whose, whose != "either")
    if rollout is not None:
        assert rollout.score == 0.0
        assert rollout.feedback.comment.startswith("The metric failed: ")


class Flaky(Exception):
    """The user's own word for a world that fails."""


@pytest.mark.parametrize(("error", "default", "moved"), [
    (Flaky("again"), "candidate", "world"),
    (TimeoutError("slow"), "either", "candidate"),
    (KeyError("plan"), "candidate", "candidate"),
])  # fmt: skip
@pytest.mark.parametrize("where", ["graph", "metric"])
def test_the_user_moves_the_border_for_graph_and_metric(error: Any, default: Any, moved: Any, where: str) -> None:
    """What the function given says is final: nothing on its side of the border is ever scored."""

    def mine(error: BaseException) -> bool:
        return isinstance(error, Flaky)

    node = raises(error) if where == "graph" else lambda _: {}
    metric = (lambda outputs: raises(error)()) if where == "metric" else (lambda outputs: 1.0)
    assert verdict(evaluated(node, metric))[0] == default
    assert verdict(evaluated(node, metric, is_world_failure=mine))[0] == moved


def searched(folder: Path, url: str, after: Any = lambda _: None, metric: Any = lambda outputs: 0.5, **how: Any) -> Any:
    model = chat(url)

    def node(state: State) -> State:
        said = model.invoke([("system", PROMPT), ("user", state["question"])]).text
        after(state)
        return {"answer": said, "notes": []}

    data = [{"id": name, "inputs": {"question": name}} for name in ("a", "b", "c", "bad", "d", "e")]
    return optimize(
        graph_of(node), data, data, metric=metric, reflection_lm=lambda _: "```\nBe brief.\n```",
        budget=Budget(iterations=2), run=folder, progress=False, options=RunnerOptions(**how),
    )  # fmt: skip


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("where", ["tool", "metric"])
def test_one_bad_example_is_scored_and_the_run_goes_on(tmp_path: Path, where: str) -> None:
    """A search that always takes too long for it, or a metric that does: 0 with the error, for it alone."""

    def after(state: State) -> None:
        if state["question"] == "bad" and where == "tool":
            raise TimeoutError("the search took too long")

    def metric(inputs: Any, outputs: Any) -> float:
        if inputs["question"] == "bad" and where == "metric":
            raise TimeoutError("the search took too long")
        return 0.5

    with SimulatedServer({"m": lambda *_: Answer("word")}) as server:
        result = searched(tmp_path / "run", server.base_url, after, metric)
        assert result.pool.spent.graph.tokens + result.pool.spent.lost.tokens == server.tokens
    scores = {(e.example, e.score, e.error) for _, e in result.saved.events if isinstance(e, RolloutFinished)}
    assert {(example, score) for example, score, _ in scores} == {
        (example, 0.0 if example == "bad" else 0.5) for example, _, _ in scores
    }
    assert {"the search took too long" in (error or "") for example, _, error in scores if example == "bad"} == {True}


@pytest.mark.usefixtures("impatient")
def test_a_moved_border_ends_a_run_as_the_worlds_failures_do(tmp_path: Path, monkeypatch: Any) -> None:
    """Not with a traceback: the run is stopped, nothing scored, and goes on once the world is back."""
    monkeypatch.setattr(job, "WORLD", replace(job.WORLD, outage=0.1))
    down = [True]

    def after(_: State) -> None:
        if down[0]:
            raise Flaky("the ledger of the bank is closed")

    with SimulatedServer({"m": lambda *_: Answer("word")}) as server:
        for_me = {"is_world_failure": lambda error: isinstance(error, Flaky)}
        with pytest.raises(Interrupted, match=r"Stopped: Flaky: the ledger of the bank is closed\. What was paid"):
            searched(tmp_path / "run", server.base_url, after, **for_me)
        down[0] = False
        scores = [e.score for _, e in searched(tmp_path / "run", server.base_url, after, **for_me).saved.events
                  if isinstance(e, RolloutFinished)]  # fmt: skip
    assert set(scores) == {0.5}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("several", [False, True], ids=["one metric", "a list of metrics"])
def test_a_judge_that_is_refused_is_asked_again_and_the_graph_is_not(tmp_path: Path, several: bool) -> None:
    """Rate-limited twice for each rollout: the graph's calls are as many as rollouts, and the judge's tokens count."""
    refusals: dict[str, int] = {}
    asked: list[str] = []

    def persona(request: Any, _: Any) -> Answer:
        if not request.user.startswith("Judge"):
            asked.append(request.user)
            return Answer("word")
        refusals[request.user] = refusals.get(request.user, 0) + 1
        if refusals[request.user] <= 2:
            raise ApiError(429, "slow down")
        return Answer("0.5")

    with SimulatedServer({"m": persona}) as server:
        judge = chat(server.base_url)

        def metric(inputs: Any, outputs: Any) -> float:
            return float(judge.invoke(f"Judge {inputs['question']}").text)

        result = searched(tmp_path / "run", server.base_url, metric=[metric, metric] if several else metric)
        spent: Spent = result.pool.spent
        assert spent.graph.tokens == server.tokens
    assert len(asked) == spent.rollouts
    assert spent.lost == Usage()


class JudgeError(WorldFailure):
    """The user's own word for a judge that fails."""


@pytest.mark.usefixtures("impatient")
def test_a_metric_that_calls_it_a_failure_of_the_world_is_asked_again(tmp_path: Path) -> None:
    """A judge's HTTP 400, which alone would end the run, wrapped: no rollout is scored by it, nor run again for it."""
    tries: dict[str, int] = {}
    answers: list[str] = []

    def persona(request: Any, _: Any) -> Answer:
        if not request.user.startswith("Judge"):
            answers.append(request.user)
            return Answer("word")
        tries[request.user] = tries.get(request.user, 0) + 1
        if tries[request.user] == 1:
            raise ApiError(400, "cannot judge that")
        return Answer("0.5")

    with SimulatedServer({"m": persona}) as server:
        judge = chat(server.base_url)

        def metric(inputs: Any) -> float:
            try:
                return float(judge.invoke(f"Judge {inputs['question']}").text)
            except openai.BadRequestError as refusal:
                raise JudgeError("The judge did not answer.") from refusal

        result = searched(tmp_path / "run", server.base_url, metric=metric)
    scores = [event.score for _, event in result.saved.events if isinstance(event, RolloutFinished)]
    assert (set(scores), len(answers)) == ({0.5}, result.pool.spent.rollouts)
    assert min(tries.values()) > 1


@pytest.mark.usefixtures("impatient")
def test_a_handled_failure_of_the_world_is_not_scored_either() -> None:
    """A tool raises it once and the graph makes a message of it: the rollout is tried again, on any border."""
    tries: list[str] = []

    @tool
    def stock(item: str) -> str:
        """Says how many there are."""
        tries.append(item)
        if len(tries) == 1:
            raise WorldFailure("the warehouse is closed", retry_after=0.001)
        return "three"

    def node(state: State) -> State:
        try:
            return {"answer": stock.invoke({"item": state["question"]})}
        except WorldFailure:
            return {"answer": "unknown"}

    for border in (is_world_failure, lambda _: False):
        compared = evaluate(
            graph_of(node), [{"inputs": {"question": "bolts"}}], metric=lambda outputs: outputs["answer"] == "three",
            options=RunnerOptions(is_world_failure=border),
        )  # fmt: skip
        assert compared.before.mean == 1.0


def test_a_metrics_calls_are_counted_wherever_it_makes_them() -> None:
    """In its thread, in its coroutine, with callbacks of its own; they are the rollout's usage and not its calls."""
    with SimulatedServer({"m": lambda *_: Answer("0.5")}) as server:
        model = chat(server.base_url)

        async def asynchronous(outputs: Any) -> float:
            return float((await model.ainvoke("hi", {"callbacks": []})).text)

        for metric in (lambda outputs: float(model.invoke("hi").text), asynchronous):
            before, heard = server.tokens, list[Usage]()
            with metered(heard.append):
                rollout = evaluated(lambda _: {}, metric)()
            assert rollout.usage.tokens == server.tokens - before == sum(usage.tokens for usage in heard) > 0
            assert rollout.calls == ()


@pytest.mark.usefixtures("impatient")
def test_a_comparison_asks_a_refused_judge_again_too() -> None:
    """`evaluate` goes on where it left off as a search does."""
    calls: list[str] = []

    def node(state: State) -> State:
        calls.append(state["question"])
        return {}

    def metric(inputs: Any) -> float:
        calls.append("metric")
        if calls.count("metric") < 3:
            refuses(429)()
        return 1.0

    compared = evaluate(graph_of(node), [{"inputs": {"question": "q"}}] * 1, metric=metric)
    assert (compared.before.mean, calls) == (1.0, ["q", "metric", "metric", "metric"])


def test_where_nothing_answers_is_named_without_the_key() -> None:
    """Scheme, host and port; no path, no query, no credentials."""
    url = nobody()
    host = url.removesuffix("/v1")
    secret = url.replace("http://", "http://me:sk-secret-secret@") + "/models?key=sk-secret-secret"
    for address in (url, secret):
        _, _, error = verdict(evaluated(lambda _, at=address: chat(at).invoke("hi"), lambda outputs: 1.0))
        assert error is not None
        assert (unreachable_address(error), "secret" in diagnosis(error)) == (host, False)
        assert diagnosis(error).startswith(f"nothing answers at {host} (")
    assert unreachable_address(http(503)) is None
    assert unreachable_address(TimeoutError()) is None


@pytest.mark.usefixtures("impatient")
def test_a_run_whose_provider_is_not_there_says_so_and_stops_soon(tmp_path: Path, caplog: Any) -> None:
    """At once with the address, then with what to check; the folder goes on with the same objects, not by `resume`."""
    url = nobody()
    with pytest.raises(Interrupted, match=r"Stopped: nothing answers at http://127.0.0.1:\d+ .*Check that it runs.*"
                                          r"the same call goes on"):  # fmt: skip
        searched(tmp_path / "run", url)
    said = [record.getMessage() for record in caplog.records if "Nothing answers" in record.getMessage()]
    assert len(said) == 1
    assert "Waiting for it, at most" in said[0]
    with SimulatedServer({"m": lambda *_: Answer("word")}) as server:
        assert searched(tmp_path / "run", server.base_url).pool.finished


def test_what_a_metric_or_a_node_changes_in_what_it_was_given_changes_nothing_else(tmp_path: Path) -> None:
    """Inputs, reference outputs, the final state, the rollout, the context and the config: each rollout has its own."""
    seen: list[Any] = []
    example = {"inputs": {"question": "q", "notes": [["fresh"]]}, "outputs": {"answers": [["yes"]]}}

    def node(state: State, config: RunnableConfig, runtime: Runtime[Any]) -> State:
        seen.append((state["notes"], runtime.context["list"], config["configurable"]["list"]))
        state["notes"][0].append("spoilt")
        runtime.context["list"].append("spoilt")
        config["configurable"]["list"].append("spoilt")
        return {"notes": [["state"]]}

    def metric(inputs: Any, outputs: Any, reference_outputs: Any, rollout: Any, run: Any, example: Any) -> Feedback:
        given = [inputs["notes"], outputs["notes"], reference_outputs["answers"], rollout.outputs["notes"]]
        given += [run.inputs["notes"], run.outputs["notes"], example.inputs["notes"], example.outputs["answers"]]
        said = repr(given)
        for one in given:
            one[0].append("spoilt")
        return Feedback(0.5, said)

    builder = StateGraph(State, context_schema=dict)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    options = RunnerOptions(context={"list": ["fresh"]}, config={"configurable": {"list": ["fresh"]}})
    evaluator = GraphEvaluator(survey(builder.compile()), [metric, metric], options=options)
    one = Example("e", example["inputs"], example["outputs"])
    first, second = (asyncio.run(evaluator.evaluate({}, one)) for _ in range(2))
    assert "spoilt" not in first.feedback.comment
    assert first.feedback == second.feedback
    assert first.outputs == {"question": "q", "notes": [["state"]]}
    assert (one.inputs, one.outputs) == (example["inputs"], example["outputs"])
    assert len(seen) == 2
    assert options.context == {"list": ["fresh"]}
    assert options.config == {"configurable": {"list": ["fresh"]}}
