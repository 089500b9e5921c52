"""One example through one graph: apart from the user's things, and honest about failures."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import time
from collections.abc import Callable
from operator import add
from typing import Annotated, Any, TypedDict

import openai
import pytest
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_openai import ChatOpenAI
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from langgraph.types import CachePolicy, interrupt

from langgraph_gepa.adapter.rollout import runner
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.rollout.runner import UnscoredRollout, run
from langgraph_gepa.adapter.rollout.threads import executor
from langgraph_gepa.core.example import Example
from langgraph_gepa.demo.server import Answer, ApiError, SimulatedServer
from langgraph_gepa.errors import UsageError

AT_ONCE = 16
PATIENCE = 20  # seconds; only a failing test waits for it
ONE_SHOT: Any = {
    "max_retries": 0,
    "timeout": PATIENCE * 2,
    "default_headers": {"Connection": "close"},  # no connection outlives its event loop
}


class State(TypedDict, total=False):
    question: str
    answer: Any
    trail: Annotated[list[str], add]


def graph_of(node: Any, **compiled: Any) -> Any:
    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder.compile(**compiled)


def ran(graph: Any, example: Example = Example("e", {"question": "q"}), **options: Any) -> UnscoredRollout:  # noqa: B008 - frozen
    return asyncio.run(run(graph, example, RunnerOptions(**options)))


def asks_sync(url: str) -> Any:
    model = ChatOpenAI(model="m", base_url=url, api_key="k", **ONE_SHOT)
    return graph_of(lambda state: {"answer": model.invoke(state["question"]).content})


def asks_async(url: str) -> Any:
    model = ChatOpenAI(model="m", base_url=url, api_key="k", **ONE_SHOT)

    async def node(state: State) -> State:
        return {"answer": (await model.ainvoke(state["question"])).content}

    return graph_of(node)


@pytest.mark.parametrize("asks", [asks_sync, asks_async])
def test_sixteen_rollouts_run_truly_at_once(asks: Callable[[str], Any]) -> None:
    """The server answers nobody until all sixteen have asked: sync-only and async-only nodes alike."""
    all_here = threading.Barrier(AT_ONCE)

    def persona(*_: Any) -> Answer:
        try:
            all_here.wait(PATIENCE)
        except threading.BrokenBarrierError:
            raise ApiError(400, "the rollouts did not come at once") from None
        return Answer("together")

    async def everyone(graph: Any) -> list[UnscoredRollout]:
        asyncio.get_running_loop().set_default_executor(executor(AT_ONCE))
        examples = [Example(str(n), {"question": f"question {n}"}) for n in range(AT_ONCE)]
        return await asyncio.gather(*(run(graph, example) for example in examples))

    with SimulatedServer({"m": persona}) as server:
        results = asyncio.run(everyone(asks(server.base_url)))
    assert [(one.error, one.state["answer"]) for one in results] == [(None, "together")] * AT_ONCE
    assert all(one.usage.tokens > 0 and one.watched[0].call.node == "node" for one in results)


def test_a_rollout_leaves_no_trace_in_what_the_user_owns() -> None:
    """The user's checkpointer, store and cache stay empty, and so does a subgraph's own checkpointer."""
    saver, inner_saver, store, cache = InMemorySaver(), InMemorySaver(), InMemoryStore(), InMemoryCache()
    inner = graph_of(lambda _: {"trail": ["inner"]}, checkpointer=inner_saver)

    def node(state: State, *, store: BaseStore) -> State:
        store.put(("notes",), "k", {"seen": state["question"]})
        inner.invoke({"question": "q"})
        return {"answer": len(store.search(("notes",)))}

    builder = StateGraph(State)
    builder.add_node("node", node, cache_policy=CachePolicy())
    builder.add_edge(START, "node")
    graph = builder.compile(checkpointer=saver, store=store, cache=cache)
    assert [ran(graph).state["answer"] for _ in range(2)] == [1, 1]
    assert (list(saver.list(None)), list(inner_saver.list(None)), store.search(()), cache._cache) == ([], [], [], {})


def test_a_state_no_serialiser_takes_runs_as_it_does_without_us() -> None:
    """Our checkpointer asks nothing of the state that the graph alone would not."""
    lock = threading.Lock()
    assert ran(graph_of(lambda _: {"answer": lock})).state["answer"] is lock


def test_the_example_is_never_written_to() -> None:
    """A node that changes its input in place changes a copy."""

    def node(state: State) -> State:
        state["answer"]["deep"].append(1)
        return {}

    example = Example("e", {"answer": {"deep": []}})
    assert ran(graph_of(node), example).error is None
    assert example.inputs == {"answer": {"deep": []}}


def test_config_and_context_reach_the_nodes() -> None:
    """The user's config and context are passed, given once or made from the example; the thread is ours."""
    seen: list[Any] = []

    class Context(TypedDict):
        tone: str

    def node(_: State, config: RunnableConfig, runtime: Runtime[Context]) -> State:
        configurable = config["configurable"]
        seen.append((configurable["user"], runtime.context["tone"], configurable["thread_id"] != "mine"))
        return {}

    builder = StateGraph(State, context_schema=Context)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    graph = builder.compile()
    ran(graph, config={"configurable": {"user": "ann", "thread_id": "mine"}}, context={"tone": "kind"})
    ran(graph, config=lambda e: {"configurable": {"user": e.id}}, context=lambda e: {"tone": e.inputs["question"]})
    assert seen == [("ann", "kind", True), ("e", "q", True)]


def test_an_interrupt_is_answered_by_the_users_function() -> None:
    """interrupt() gets the function's answer, in subgraphs and for several at once, sync and async."""

    def inner_node(_: State) -> State:
        return {"trail": [interrupt("inner?")]}

    builder = StateGraph(State)
    builder.add_node("sub", graph_of(inner_node))
    builder.add_node("one", lambda _: {"trail": [interrupt("one?") + interrupt("more?")]})
    builder.add_edge(START, "sub")
    builder.add_edge(START, "one")
    graph = builder.compile()

    async def answer(value: str) -> str:
        return value.upper()

    for on_interrupt in (str.upper, answer):
        result = ran(graph, on_interrupt=on_interrupt)
        assert result.error is None
        assert sorted(result.state["trail"]) == ["INNER?", "ONE?MORE?"]
        assert "__interrupt__" not in result.state


def asking(*questions: str, accepts: Callable[[str], bool], calls: list[str]) -> Any:
    """A node that works, asks, and works again until the answer is accepted."""

    def node(_: State) -> State:
        said = ""
        for question in questions:
            calls.append(question)
            said = interrupt(question)
            if accepts(said):
                break
        return {"answer": said}

    return graph_of(node)


def test_a_question_that_comes_back_after_the_same_answer_ends_the_rollout() -> None:
    """It would be asked for ever, and all the node's calls made again each time: the error says how often."""
    calls: list[str] = []
    graph = asking(*["your name?"] * 200, accepts=lambda said: said == "Ada", calls=calls)
    result = ran(graph, on_interrupt=lambda _: "n/a")
    assert "asked a human this 3 times: 'your name?'" in (result.error or "")
    assert "on_interrupt=" in (result.error or "")
    assert len(calls) <= 6
    answers = iter(["n/a", "n/a", "Ada"])
    assert ran(graph, on_interrupt=lambda _: next(answers)).state["answer"] == "Ada"


def test_a_node_that_asks_on_and_on_ends_the_rollout() -> None:
    """With another question each time, and other answers."""
    calls: list[str] = []
    graph = asking(*(f"attempt {n}" for n in range(200)), accepts=lambda _: False, calls=calls)
    result = ran(graph, on_interrupt=lambda value: f"answer to {value}")
    assert "21 questions in the same state" in (result.error or "")
    assert len(calls) <= 231


def test_a_loop_through_the_graph_that_never_gets_its_answer_ends() -> None:
    """Unchanged after three rounds; with a state that grows after ten."""
    for grows, rounds in ((False, 3), (True, 10)):
        calls: list[str] = []

        def ask(_: State, calls: list[str] = calls, grows: bool = grows) -> State:
            said = interrupt("your name?")
            calls.append(said)
            return {"trail": [said] if grows else []}

        builder = StateGraph(State)
        builder.add_node("ask", ask)
        builder.add_edge(START, "ask")
        builder.add_conditional_edges("ask", lambda _: "ask")
        result = ran(builder.compile(), on_interrupt=lambda _: "n/a")
        assert f"this {rounds} times" in (result.error or "")
        assert len(calls) == rounds - 1


def test_the_same_question_of_nodes_side_by_side_is_asked_once() -> None:
    """Five approvals at once, each answered yes, are no loop."""
    builder = StateGraph(State)
    for name in "abcde":
        builder.add_node(name, lambda _: {"trail": [interrupt("approve?")]})
        builder.add_edge(START, name)
    assert ran(builder.compile(), on_interrupt=lambda _: "yes").state["trail"] == ["yes"] * 5


def test_an_unanswered_interrupt_fails_and_says_how_to_answer() -> None:
    """Without a function the rollout fails with what was asked and what to give."""
    result = ran(graph_of(lambda _: {"answer": interrupt("refund?")}))
    assert result.state is None
    assert "'refund?'" in (result.error or "")
    assert "on_interrupt=" in (result.error or "")


def test_a_breakpoint_is_never_passed_unasked() -> None:
    """interrupt_before guards a node that a human wanted to see first."""
    passed: list[Any] = []
    graph = graph_of(lambda _: {"answer": "sent"}, interrupt_before=["node"], checkpointer=InMemorySaver())
    assert "on_interrupt=" in (ran(graph).error or "")
    assert ran(graph, on_interrupt=passed.append).state["answer"] == "sent"
    assert passed == [{"breakpoint": ["node"]}]


def test_a_function_that_fails_to_answer_is_the_users_mistake() -> None:
    """An exception in on_interrupt is no score."""
    with pytest.raises(UsageError, match="on_interrupt raised ZeroDivisionError"):
        ran(graph_of(lambda _: {"answer": interrupt(0)}), on_interrupt=lambda value: 1 / value)


def test_failures_of_the_candidate_come_back_in_words() -> None:
    """An exception in a node and a loop without end say what happened and where."""

    def fails(_: State) -> State:
        return {"answer": {}["missing"]}

    def recovers(_: State) -> State:
        with contextlib.suppress(ValueError):
            RunnableLambda(int).invoke("no number")
        return {}

    assert ran(graph_of(fails)).error == "In node node: KeyError: 'missing'"
    both = StateGraph(State).add_sequence([recovers, fails]).set_entry_point("recovers").compile()
    assert ran(both).error == "In node fails: KeyError: 'missing'"
    loop = StateGraph(State)
    loop.add_node("node", lambda _: {})
    loop.add_edge(START, "node")
    loop.add_edge("node", "node")
    assert "Recursion limit of 5 reached" in (ran(loop.compile(), recursion_limit=5).error or "")


def test_a_rollout_that_never_ends_is_stopped() -> None:
    """The time-out ends a rollout whose node hangs, sync or async, and the process is not held up."""
    never = threading.Event()

    async def hangs(_: State) -> State:
        await asyncio.Event().wait()
        return {}

    def blocks(_: State) -> State:
        never.wait()
        return {}

    async def with_threads(graph: Any) -> UnscoredRollout:
        asyncio.get_running_loop().set_default_executor(executor(1))
        return await run(graph, Example("e", {}), RunnerOptions(timeout=0.05))

    started = time.perf_counter()
    for node in (hangs, blocks):
        assert "took longer than 0.05 seconds" in (asyncio.run(with_threads(graph_of(node))).error or "")
    assert time.perf_counter() - started < PATIENCE


def test_a_hung_node_does_not_starve_the_others() -> None:
    """Threads that never come back take nobody's place."""
    never = threading.Event()

    async def many() -> str:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(executor(1))
        for _ in range(4):
            loop.run_in_executor(None, never.wait)
        return await loop.run_in_executor(None, lambda: "ran")

    assert asyncio.run(many()) == "ran"
    never.set()


def test_failures_of_the_world_are_raised_as_they_are() -> None:
    """A rate limit is no score, unless the user moves the border."""

    def refuse(*_: Any) -> Answer:
        raise ApiError(429, "slow down")

    with SimulatedServer({"m": refuse}) as server:
        graph = asks_async(server.base_url)
        with pytest.raises(openai.RateLimitError):
            ran(graph)
        assert "slow down" in (ran(graph, is_world_failure=lambda _: False).error or "")


def test_a_cancelled_rollout_is_cancelled() -> None:
    """Ctrl-C and a stopped run go through; they are nobody's score."""

    async def cut() -> None:
        started = asyncio.Event()

        async def hangs(_: State) -> State:
            started.set()
            await asyncio.Event().wait()
            return {}

        task = asyncio.create_task(run(graph_of(hangs), Example("e", {})))
        await started.wait()
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cut())


def test_a_failure_at_the_moment_of_a_cancellation_is_not_printed() -> None:
    """Whichever comes first, the event loop has no exception left that nobody looked at."""
    heard: list[str] = []

    async def fails() -> None:
        raise ValueError

    async def cut() -> list[type[BaseException] | None]:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context["message"]))
        ends = []
        for turns in range(1, 5):
            task = asyncio.create_task(runner._within(None, fails()))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            (end,) = await asyncio.gather(task, return_exceptions=True)
            ends.append(type(end))
            del task, end
            gc.collect()
        return ends

    assert asyncio.run(cut()) == [asyncio.CancelledError] * 3 + [ValueError]
    assert heard == []


@pytest.mark.parametrize("stop", ["time-out", "cancelled"])
def test_a_node_that_swallows_its_cancellation_is_left_behind(stop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds up neither the clock nor Ctrl-C; it has `GRACE` seconds to end, and is not waited for after that."""
    monkeypatch.setattr(runner, "GRACE", 0.02)

    async def stubborn(_: State) -> State:
        for _turn in range(2):  # the second is asyncio.run's own, at its end
            with contextlib.suppress(asyncio.CancelledError):
                started.set()
                await asyncio.Event().wait()
        return {}

    async def stopped() -> str | None:
        task = asyncio.create_task(run(graph_of(stubborn), Example("e", {}), RunnerOptions(timeout=limit)))
        await started.wait()
        if limit is None:
            task.cancel()
        return (await task).error

    limit = 0.05 if stop == "time-out" else None
    started = asyncio.Event()
    began = time.perf_counter()
    if limit is None:
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(stopped())
    else:
        assert "took longer than 0.05 seconds" in (asyncio.run(stopped()) or "")
    assert time.perf_counter() - began < PATIENCE
