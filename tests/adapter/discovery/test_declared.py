"""Declared prompts: found by their names, and each run gets its own text."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from textwrap import dedent
from typing import Any, TypedDict

import pytest
from langgraph.graph import START, StateGraph

import langgraph_gepa
from langgraph_gepa import bind, discover, prompt
from langgraph_gepa.errors import GraphError, PlaceholderError, UsageError

PLANNER = "Plan the work."
AT_ONCE = 16
PATIENCE = 20  # seconds; only a failing test waits for it


class State(TypedDict, total=False):
    question: str
    answer: str


def graph_of(node: Any) -> Any:
    builder = StateGraph(State)
    builder.add_node(node.__name__, node)
    builder.add_edge(START, node.__name__)
    return builder.compile()


def say(graph: Any, question: str = "why?") -> str:
    return str(graph.invoke({"question": question})["answer"])


def answers(state: State) -> State:
    return {"answer": prompt("answers", "Answer {question} briefly.").format(question=state["question"])}


def test_a_declared_prompt_is_found_where_it_stands_and_bound_by_its_name() -> None:
    """Name, text, placeholders, node and line are known without running; binding changes what the call gives back."""
    graph = graph_of(answers)
    (module,) = discover(graph)
    assert (module.name, module.text) == ("answers", "Answer {question} briefly.")
    assert (module.style, module.placeholders, module.nodes) == ("format", ("question",), ("answers",))
    assert module.origin.endswith(f"test_declared.py:{answers.__code__.co_firstlineno + 1}")
    assert module.on
    assert say(bind(graph, {"answers": "Think about {question}."})) == "Think about why?."
    assert say(graph) == "Answer why? briefly."
    with pytest.raises(PlaceholderError, match="question"):
        bind(graph, {"answers": "Think."})


def test_every_way_to_write_the_call_is_read() -> None:
    """The text may be a constant, dedented, joined or given by keyword; the name imported anywhere or the package's."""

    def written(state: State) -> State:
        from langgraph_gepa import prompt as ask

        text = prompt("planner", PLANNER)
        text += ask("local", "Imported " + "here.")
        text += langgraph_gepa.prompt(name="package", text="Of the package.")
        text += prompt(
            "dedented",
            dedent(
                """\
                Two
                lines."""
            ),
        )
        return {"answer": text}

    graph = graph_of(written)
    assert {m.name: m.text for m in discover(graph)} == {
        "planner": PLANNER,
        "local": "Imported here.",
        "package": "Of the package.",
        "dedented": "Two\nlines.",
    }
    assert say(bind(graph, {"local": "1", "package": "2", "planner": "3", "dedented": "4"})) == "3124"


def test_what_cannot_be_read_is_found_when_it_was_called() -> None:
    """A name made at run time is a module once it has been asked for, with the node it was asked for in."""
    names = ["made", "up"]

    def asks(state: State) -> State:
        return {"answer": prompt(".".join(names), "Some words of advice.")}

    graph = graph_of(asks)
    assert "made.up" not in {m.name for m in discover(graph)}
    say(graph)
    found = {m.name: m for m in discover(graph)}["made.up"]
    assert (found.text, found.nodes) == ("Some words of advice.", ("asks",))
    assert say(bind(graph, {"made.up": "Other words."})) == "Other words."


def test_a_declared_text_that_changes_cannot_be_replaced() -> None:
    """Two texts under one name, or one that changes from call to call, cannot be replaced, and it is said why."""

    def twice(state: State) -> State:
        return {"answer": prompt("twice", "One text.") + prompt("twice", "Another text.")}

    graph = graph_of(twice)
    with pytest.raises(GraphError, match="two texts are declared under this name"):
        bind(graph, {"twice": "A third."})

    def filled(state: State) -> State:
        return {"answer": prompt("filled", f"Answer {state['question']}.")}

    graph = graph_of(filled)
    for question in ("why?", "how?"):
        say(graph, question)
    with pytest.raises(GraphError, match="another from call to call"):
        bind(graph, {"filled": "Answer."})


def test_only_a_name_and_a_text_are_taken() -> None:
    """What is no name or no text is a mistake that is told at the call."""
    with pytest.raises(UsageError, match="a name and a text"):
        prompt("name", None)  # type: ignore[arg-type]  # the mistake


def test_bound_graphs_that_run_at_once_each_see_their_own_text() -> None:
    """Sixteen candidates stand in the same call at the same time, in threads and in tasks, and none sees another's."""
    together, all_in = threading.Barrier(AT_ONCE), asyncio.Barrier(AT_ONCE)

    def node(state: State) -> State:
        together.wait(PATIENCE)
        before = prompt("shared", "The text of the graph.")
        together.wait(PATIENCE)
        return {"answer": before + prompt("shared", "The text of the graph.")}

    async def anode(state: State) -> State:
        await asyncio.wait_for(all_in.wait(), PATIENCE)
        return {"answer": await asyncio.to_thread(lambda: prompt("shared", "The text of the graph."))}

    graph, agraph = graph_of(node), graph_of(anode)
    bound = [bind(graph, {"shared": f"<{i}>"}) for i in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert list(pool.map(say, bound)) == [f"<{i}><{i}>" for i in range(AT_ONCE)]
    assert prompt("shared", "The text of the graph.") == "The text of the graph."

    async def all_at_once() -> list[Any]:
        say_bound = [bind(agraph, {"shared": f"<{i}>"}) for i in range(AT_ONCE)]
        return await asyncio.gather(*(one.ainvoke({"question": "why?"}) for one in say_bound))

    assert [final["answer"] for final in asyncio.run(all_at_once())] == [f"<{i}>" for i in range(AT_ONCE)]


def test_a_consumer_of_a_stream_does_not_see_the_texts() -> None:
    """Between two chunks of a bound graph's stream the reader is outside of it; copies of the graph go on serving."""
    graph = bind(graph_of(answers), {"answers": "Think of {question}."}).with_config({"tags": ["mine"]})
    for chunk in graph.stream({"question": "why?"}):
        assert chunk == {"answers": {"answer": "Think of why?."}}
        assert prompt("answers", "Answer {question} briefly.") == "Answer {question} briefly."

    async def consume() -> list[str]:
        return [
            prompt("answers", "Answer {question} briefly.") + chunk["answers"]["answer"]
            async for chunk in graph.astream({"question": "why?"})
        ]

    assert asyncio.run(consume()) == ["Answer {question} briefly.Think of why?."]
    assert copy_context().run(say, graph) == "Think of why?."


def test_a_bound_graph_inside_another_keeps_its_texts() -> None:
    """What two graphs serve, one inside the other, the inner one's holds; the rest comes from around it."""
    inner = graph_of(answers)
    bound = bind(inner, {"answers": "Inner {question}"})

    def outer(state: State) -> State:
        return {"answer": prompt("outer", "Outer: ") + bound.invoke(state)["answer"]}

    assert say(bind(graph_of(outer), {"outer": "Around: "})) == "Around: Inner why?"
