"""A rollout leaves no trace in the user's checkpointers, stores and caches, and reads nothing from them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from operator import add
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.caches import InMemoryCache as ModelCache
from langchain_core.globals import get_llm_cache, set_llm_cache
from langchain_core.language_models import FakeListLLM
from langchain_core.tools import StructuredTool
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from langgraph.types import CachePolicy

from langgraph_gepa.adapter.reflection_model import ChatReflection
from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.adapter.rollout.runner import UnscoredRollout, run
from langgraph_gepa.core.example import Example
from tests.adapter.conftest import EchoModel

THREAD: Any = {"configurable": {"thread_id": "mine"}}


class State(TypedDict, total=False):
    question: str
    answer: Any
    trail: Annotated[list[str], add]


class Owned:
    """What a user keeps."""

    def __init__(self) -> None:
        self.saver, self.store, self.cache = InMemorySaver(), InMemoryStore(), InMemoryCache()

    def graph(self, node: Any = None) -> Any:
        """A graph that uses all of it."""

        def counted(state: State, *, store: BaseStore) -> State:
            store.put(("seen",), state["question"], {"by": "inner"})
            return {"trail": [state["question"]]}

        builder = StateGraph(State).add_node("node", node or counted, cache_policy=CachePolicy())
        return builder.add_edge(START, "node").compile(checkpointer=self.saver, store=self.store, cache=self.cache)

    @property
    def traces(self) -> list[Any]:
        return [list(self.saver.list(None)), self.store.search(()), self.cache._cache]


def graph_of(node: Any, **compiled: Any) -> Any:
    return StateGraph(State).add_node("node", node).add_edge(START, "node").compile(**compiled)


def ran(graph: Any, **options: Any) -> UnscoredRollout:
    done = asyncio.run(run(graph, Example("e", {"question": "q"}), RunnerOptions(**options)))
    assert done.error is None
    return done


def invoked(owned: Owned) -> Any:
    inner = owned.graph()
    return graph_of(lambda state: {"answer": inner.invoke({"question": state["question"]}, THREAD)["trail"]})


def awaited(owned: Owned) -> Any:
    inner = owned.graph()

    async def node(state: State) -> State:
        return {"answer": (await inner.ainvoke({"question": state["question"]}, THREAD))["trail"]}

    return graph_of(node)


def streamed(owned: Owned) -> Any:
    inner = owned.graph()
    return graph_of(lambda state: {"answer": list(inner.stream({"question": state["question"]}, THREAD))})


def batched(owned: Owned) -> Any:
    inner, one_by_one = owned.graph(), [{**THREAD, "max_concurrency": 1}] * 2  # side by side, who finds what is a race
    return graph_of(lambda state: {"answer": inner.batch([{"question": state["question"]}] * 2, one_by_one)})


def in_a_tool(owned: Owned) -> Any:
    inner = owned.graph()
    tool = StructuredTool.from_function(
        lambda q: inner.invoke({"question": q}, THREAD)["trail"], name="ask", description="Asks."
    )
    return graph_of(lambda state: {"answer": tool.invoke({"q": state["question"]})})


def compiled_in_the_node(owned: Owned) -> Any:
    return graph_of(lambda state: {"answer": owned.graph().invoke({"question": state["question"]}, THREAD)["trail"]})


def two_deep(owned: Owned) -> Any:
    inner = owned.graph()
    return invoked_from(owned.graph(lambda state: {"answer": inner.invoke({"question": state["question"]}, THREAD)}))


def invoked_from(inner: Any) -> Any:
    return graph_of(lambda state: {"answer": inner.invoke({"question": state["question"]}, THREAD)})


def functional(owned: Owned) -> Any:
    @task(cache_policy=CachePolicy())
    def step(question: str) -> str:
        return question

    @entrypoint(checkpointer=owned.saver, store=owned.store, cache=owned.cache)
    def inner(question: str, *, previous: Any, store: BaseStore) -> Any:
        store.put(("seen",), question, {})
        return [previous, step(question).result()]

    return graph_of(lambda state: {"answer": inner.invoke(state["question"], THREAD)})


def used_directly(owned: Owned) -> Any:
    def node(state: State) -> State:
        owned.store.put(("seen",), "direct", {})
        owned.saver.delete_thread("mine")
        owned.cache.set({(("n",), "k"): ("v", None)})
        return {"answer": [item.key for item in owned.store.search(("seen",))]}

    return graph_of(node, store=owned.store, checkpointer=owned.saver, cache=owned.cache)


def by_itself(owned: Owned) -> Any:
    return owned.graph(lambda state: {"trail": [state["question"]]})


@pytest.mark.parametrize(
    "made",
    [invoked, awaited, streamed, batched, in_a_tool, compiled_in_the_node, two_deep, functional, used_directly,
     by_itself],
)  # fmt: skip
def test_rollouts_leave_and_find_nothing_at_any_depth(made: Callable[[Owned], Any]) -> None:
    """Every rollout sees what the first one saw, and what the user keeps stays empty."""
    owned = Owned()
    graph = made(owned)
    assert ran(graph).state == ran(graph).state
    assert owned.traces == [[], [], {}]


@pytest.mark.parametrize("made", [invoked, awaited, functional])
def test_outside_of_rollouts_everything_is_kept_as_ever(made: Callable[[Owned], Any]) -> None:
    """The user's own runs write to what the user keeps, also after rollouts."""
    owned = Owned()
    graph = made(owned)
    ran(graph)
    asyncio.run(graph.ainvoke({"question": "q"}))
    assert owned.saver.get_tuple(THREAD) is not None
    assert owned.cache._cache
    assert [item.key for item in owned.store.search(())] == ["q"]


def test_a_graph_remembers_within_a_rollout_and_no_longer() -> None:
    """Two calls under one thread share their memory; the next rollout begins anew."""
    inner = Owned().graph()

    def node(state: State) -> State:
        for question in "ab":
            inner.invoke({"question": question}, THREAD)
        return {"answer": inner.get_state(THREAD).values["trail"]}

    assert [ran(graph_of(node)).state["answer"] for _ in range(2)] == [["a", "b"]] * 2


def test_rollouts_side_by_side_share_nothing() -> None:
    """Two rollouts that use one thread of one checkpointer at the same time each see their own."""
    inner, both = Owned().graph(), threading.Barrier(2)

    def node(state: State) -> State:
        inner.invoke({"question": state["question"]}, THREAD)
        both.wait(20)
        return {"answer": inner.get_state(THREAD).values["trail"]}

    async def pair() -> list[UnscoredRollout]:
        graph = graph_of(node)
        return await asyncio.gather(*(run(graph, Example(q, {"question": q})) for q in "xy"))

    assert [one.state["answer"] for one in asyncio.run(pair())] == [["x"], ["y"]]


def test_what_a_program_put_into_a_store_in_memory_is_there_in_rollouts() -> None:
    """A tool that looks facts up in a store of its own finds them, and its notes stay in the rollout."""
    facts = InMemoryStore()
    facts.put(("facts",), "capital", {"of": "France"})

    def node(state: State) -> State:
        facts.put(("facts",), "asked", {"q": state["question"]})
        return {"answer": sorted(item.key for item in facts.search(("facts",)))}

    assert [ran(graph_of(node)).state["answer"] for _ in range(2)] == [["asked", "capital"]] * 2
    assert [item.key for item in facts.search(())] == ["capital"]


def test_the_graphs_store_is_one_for_runtime_and_for_code_that_holds_it() -> None:
    """What a node puts into the injected store is found in the object the graph was compiled with, and in `store=`."""
    mine = InMemoryStore()

    def node(state: State, *, store: BaseStore) -> State:
        store.put(("notes",), "k", {})
        return {"answer": [len(one.search(("notes",))) for one in (store, mine)]}

    graph = graph_of(node, store=mine)
    assert [ran(graph, **how).state["answer"] for how in ({}, {"store": InMemoryStore})] == [[1, 1]] * 2
    assert mine.search(()) == []


@pytest.fixture
def global_cache() -> Iterator[ModelCache]:
    cache = ModelCache()
    set_llm_cache(cache)
    yield cache
    assert get_llm_cache() is cache
    set_llm_cache(None)


def models(cache: Any) -> list[Any]:
    return [EchoModel(cache=cache), FakeListLLM(responses=["said"], cache=cache)]


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("which", [0, 1])
def test_caches_of_models_are_neither_read_nor_written(global_cache: ModelCache, own: bool, which: int) -> None:
    """The global cache and a model's own, sync and async; in another thread of the process they work as ever."""
    cache = ModelCache() if own else global_cache
    model = models(cache if own else None)[which]

    async def node(state: State) -> State:
        await model.ainvoke("async")
        model.invoke("sync")
        return {}

    ran(graph_of(node))
    assert cache._cache == {}
    user = threading.Thread(target=model.invoke, args=("user",))
    user.start()
    user.join()
    assert len(cache._cache) == 1


def test_a_reflection_model_is_asked_anew_each_time(global_cache: ModelCache) -> None:
    """The user's cache of models has no part in what the reflection model answers."""
    model = EchoModel()
    reflection = ChatReflection(model)
    for _ in range(2):
        asyncio.run(reflection.complete("better?"))
    assert (len(model.calls), global_cache._cache) == (2, {})
