"""A rollout run again on its own replies: nothing is sent, and what would have been sent is known."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Send

from langgraph_gepa.adapter.rollout.replay import Replay, ReplayEnded, replaying
from langgraph_gepa.adapter.rollout.runner import run
from langgraph_gepa.core.example import Example

ASK = Example("e", {"messages": [{"role": "user", "content": "hi"}]})


def graph_of(node: Any) -> Any:
    return StateGraph(MessagesState).add_node("node", node).add_edge(START, "node").compile()


def replayed(graph: Any, again: Any = None, example: Example = ASK) -> tuple[Any, Replay]:
    """The outputs of a replay of `graph`'s rollout in the graph `again`, and the replay."""

    async def both() -> tuple[Any, Replay]:
        recorded = await run(graph, example)
        assert recorded.error is None
        replay = Replay(recorded.watched, lambda text: text.replace(" ZQ", ""))
        with replaying(replay):
            return (await run(again or graph, example)).state, replay

    return asyncio.run(both())


def test_models_and_tools_answer_as_before_and_are_not_called(echo: Any) -> None:
    """A second run through an agent ends the same, and neither its model nor its tool did anything."""
    looked = []

    @tool
    def look(what: str) -> str:
        """Looks it up."""
        looked.append(what)
        return "found"

    echo.reply = lambda messages: AIMessage(
        "", tool_calls=[{"id": "1", "name": "look", "args": {"what": "x"}}] if messages[-1].type == "human" else []
    )
    state, replay = replayed(create_agent(echo, [look], system_prompt="You look things up."))
    assert [message.type for message in state["messages"]] == ["human", "ai", "tool", "ai"]
    assert (len(echo.calls), looked) == (2, ["x"])
    assert [sent.node for sent in replay.sent] == ["model", "model"]
    assert {"You look things up.", "hi", "Looks it up."} <= {*replay.sent[0].texts}


@pytest.mark.parametrize("how", ["invoke", "ainvoke", "stream", "astream", "batch"])
def test_a_model_is_replayed_however_it_is_called(echo: Any, how: str) -> None:
    """Sync and async, whole and streamed, one and many."""

    async def node(state: MessagesState) -> dict[str, Any]:
        prompt = [SystemMessage("Answer."), *state["messages"]]
        match how:
            case "invoke":
                reply = await asyncio.to_thread(echo.invoke, prompt)
            case "ainvoke":
                reply = await echo.ainvoke(prompt)
            case "stream":
                *_, reply = echo.stream(prompt)
            case "astream":
                reply = [chunk async for chunk in echo.astream(prompt)][-1]
            case _:
                (reply,) = echo.batch([prompt])
        return {"messages": [AIMessage(reply.content)]}

    state, _ = replayed(graph_of(node))
    assert state["messages"][-1].content == "Answer."
    assert len(echo.calls) == 1


def test_replies_are_found_by_what_was_asked_with_other_texts_put_back(echo: Any) -> None:
    """Branches that run side by side get each their own reply, also where the texts differ by a mark."""
    echo.reply = lambda messages: AIMessage(f"re: {messages[-1].content}")

    def spread(mark: str) -> Any:
        def one(state: Any) -> Any:
            return {"messages": [echo.invoke([SystemMessage(f"Answer.{mark}"), HumanMessage(state["ask"])])]}

        builder = StateGraph(MessagesState).add_node("one", one)
        builder.add_conditional_edges(START, lambda _: [Send("one", {"ask": f"q{n}"}) for n in range(4)], ["one"])
        return builder.compile()

    state, replay = replayed(spread(""), spread(" ZQ"))
    assert [message.content for message in state["messages"][1:]] == [f"re: q{n}" for n in range(4)]
    assert all("Answer. ZQ" in sent.texts for sent in replay.sent)


def test_a_tool_in_which_a_model_is_called_runs_so_that_the_call_is_seen(echo: Any) -> None:
    """A sub-agent behind a tool is part of the replay."""
    ran = []

    @tool
    def ask(what: str) -> str:
        """Asks somebody."""
        ran.append(what)
        return str(echo.invoke([SystemMessage("You are somebody.")]).content)

    _, replay = replayed(graph_of(lambda _: {"messages": [ask.invoke({"what": "x"})]}))
    assert (ran, len(echo.calls)) == (["x", "x"], 1)
    assert replay.sent[0].texts == ("You are somebody.",)


def test_what_failed_fails_again() -> None:
    """A failure that the graph handled is raised once more, without the tool."""
    tried = []

    @tool
    def fail(what: str) -> str:
        """Fails."""
        tried.append(what)
        raise PermissionError("not you")

    def node(_: Any) -> Any:
        try:
            return {"messages": [fail.invoke({"what": "x"})]}
        except PermissionError as error:
            return {"messages": [str(error)]}

    state, _ = replayed(graph_of(node))
    assert (state["messages"][-1].content, tried) == ("not you", ["x"])


def test_retrievers_find_what_they_found(echo: Any) -> None:
    """A retrieval costs as well."""

    class Shelf(BaseRetriever):
        def _get_relevant_documents(self, query: str, **_: Any) -> list[Document]:
            searched.append(query)
            return [Document(f"about {query}")]

    searched: list[str] = []
    state, _ = replayed(graph_of(lambda _: {"messages": [Shelf().invoke("cats")[0].page_content]}))
    assert (state["messages"][-1].content, searched) == ("about cats", ["cats"])


def test_a_run_that_goes_another_way_ends_there(echo: Any) -> None:
    """A call that the recording does not have is not made, and no handler of the node's goes on after it."""

    def twice(state: MessagesState) -> dict[str, Any]:
        for _ in range(2):
            try:
                reply = echo.invoke([SystemMessage("Again."), *state["messages"]])
            except Exception:  # noqa: BLE001 - as a node that tries again does
                reply = AIMessage("never mind")
        return {"messages": [reply]}

    once = graph_of(lambda state: {"messages": [echo.invoke([SystemMessage("Again."), *state["messages"]])]})
    with pytest.raises(ReplayEnded):
        replayed(once, graph_of(twice))
    assert len(echo.calls) == 1


def test_outside_a_replay_models_are_called_as_ever(echo: Any) -> None:
    """What a replay changed of LangChain's classes does nothing elsewhere."""
    graph = graph_of(lambda state: {"messages": [echo.invoke(state["messages"])]})
    replayed(graph)
    graph.invoke({"messages": [HumanMessage("hi")]})
    assert len(echo.calls) == 2
