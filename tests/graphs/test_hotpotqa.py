from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler

from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.rollout.evaluator import GraphEvaluator
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Texts
from langgraph_gepa.demo.server import Persona

Served = Callable[[Mapping[str, Persona], str], ModuleType]
QUESTION = "What government position was held by the woman who portrayed Corliss Archer in the film Kiss and Tell?"


class Heard(BaseCallbackHandler):
    """Writes down every retrieval with the node it happened in."""

    def __init__(self) -> None:
        self.retrievals: list[tuple[str, str]] = []

    def on_retriever_start(self, serialized: Any, query: str, *, metadata: Any = None, **kwargs: Any) -> None:
        self.retrievals.append((metadata["langgraph_node"], query))


@pytest.fixture
def program(served: Served, evals: ModuleType, simulated: ModuleType) -> ModuleType:
    """The graph's file, loaded afresh and pointed at a simulated server that knows the sample's answers."""
    key = simulated.answer_key([*evals.trainset(), *evals.valset(), *evals.testset()])
    return served(simulated.personas(key), simulated.READER)


def test_retrieval(program: ModuleType) -> None:
    """A question's own words find the first passage it needs, and the name found there the second."""
    assert len(program.search(QUESTION)) == 7
    assert any(found.startswith("Kiss and Tell (1945 film) | ") for found in program.search(QUESTION))
    assert program.search("Shirley Temple diplomat")[0].startswith("Shirley Temple | ")


@pytest.mark.parametrize("query", ["", "the of", "zxqv"])
def test_a_query_of_no_use(program: ModuleType, query: str) -> None:
    """A query that shares no word with the corpus finds nothing, and is no error."""
    assert program.search(query) == []


def test_rollout(program: ModuleType) -> None:
    """The graph runs over HTTP, both retrievals are heard by callbacks, and the state keeps what each node said."""
    heard = Heard()
    state = program.graph.invoke({"question": QUESTION}, {"callbacks": [heard]})
    assert heard.retrievals == [("retrieve1", QUESTION), ("retrieve2", state["query2"])]
    assert set(state) == set(program.State.__annotations__)
    assert all(state.values())


def test_async_rollout(program: ModuleType) -> None:
    """Run asynchronously the graph says the same."""
    state = asyncio.run(program.graph.ainvoke({"question": QUESTION}))
    assert state == program.graph.invoke({"question": QUESTION})


def test_the_graph_needs_no_key_to_be_looked_at(program: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading the file and drawing the graph calls no model and reads no key."""
    monkeypatch.delenv("OPENAI_API_KEY")
    program.chat_model.cache_clear()
    assert [node for node in program.graph.get_graph().nodes if not node.startswith("__")] == [
        "retrieve1",
        "summarize1",
        "create_query_hop2",
        "retrieve2",
        "summarize2",
        "answer",
    ]


def test_four_modules(program: ModuleType, evals: ModuleType) -> None:
    """What is optimised is the paper's four prompts, under the names by which the metric blames them."""
    modules = survey(program.graph).modules
    assert [module.name for module in modules if module.on] == list(
        evals.metric({}, {"answer": "", "facts": []}).by_module
    )
    assert [module.nodes for module in modules] == [(module.name,) for module in modules]


def test_prompts_decide(program: ModuleType, evals: ModuleType, simulated: ModuleType) -> None:
    """Texts that ask for what the reader is silent on score higher on the same questions, run side by side."""
    evaluator = GraphEvaluator(survey(program.graph), evals.metric)
    seed = {module.name: module.text for module in evaluator.modules}
    rules = "\n".join(f"- {lesson.phrasings[0]}" for lesson in simulated.LESSONS)
    taught = {name: f"{text}\n\nRules:\n{rules}" for name, text in seed.items()}
    examples = [Example(row["metadata"]["id"], row["inputs"], row["outputs"]) for row in evals.trainset()[:12]]

    async def score(texts: Texts) -> float:
        rollouts = await asyncio.gather(*(evaluator.evaluate(texts, example) for example in examples))
        return sum(rollout.score for rollout in rollouts) / len(rollouts)

    async def both() -> list[float]:
        return await asyncio.gather(score(seed), score(taught))

    before, after = asyncio.run(both())
    assert after > before + 0.2
