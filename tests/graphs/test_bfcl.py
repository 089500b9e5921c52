"""The ReAct graph over BFCL's tools, and its simulated models. Skipped where the package is not installed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import fmean
from types import ModuleType
from typing import Any

import bfcl as evals
import pytest

from langgraph_gepa import Budget, discover, optimize
from langgraph_gepa.demo.lessons import covered
from langgraph_gepa.demo.server import Answer, Persona, Request, SimulatedServer, ToolCall

pytest.importorskip("bfcl_eval")
pytest.importorskip("mpmath")


@pytest.fixture
def simulated(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("evals/simulated/bfcl.py")


@pytest.fixture
def graph(
    load: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Persona], ModuleType]]:
    """Loads the graph's file afresh, on a simulated model."""
    servers = list[SimulatedServer]()

    def on(agent: Persona, **others: Persona) -> ModuleType:
        servers.append(SimulatedServer({"agent": agent, **others}).__enter__())
        monkeypatch.setenv("OPENAI_BASE_URL", servers[-1].base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "simulated")
        monkeypatch.setenv("BFCL_MODEL", "openai:agent")
        return load("graphs/bfcl.py")

    yield on
    for server in servers:
        server.__exit__(None, None, None)


@pytest.fixture
def oracle(simulated: ModuleType) -> Callable[[list[dict[str, Any]]], Persona]:
    """A model that makes the right calls of these examples, all calls of a turn in one step."""

    def knowing(examples: list[dict[str, Any]]) -> Persona:
        key = simulated.scripts(examples)

        def replay(request: Request, _rng: random.Random) -> Answer:
            right, _ = simulated.right_calls(key, request)
            return Answer("Done.", tuple(ToolCall(call["name"], call["arguments"]) for call in right))

        return replay

    return knowing


def score(example: dict[str, Any], state: dict[str, Any]) -> float:
    return evals.metric(example["inputs"], state, example["outputs"]).score


@pytest.mark.parametrize("category", evals.CATEGORIES)
def test_right_calls(category: str, graph: Any, oracle: Any) -> None:
    """A model that makes the right calls scores 1 over the real tools, sync and async alike; a task stays as it was."""
    examples = evals.tasks(category)[10::50]
    program = graph(oracle(examples))
    for example in examples:
        before = repr(example)
        state = program.graph.invoke(example["inputs"])
        assert score(example, state) == 1
        assert len(state["replies"]) == len(example["inputs"]["turns"])
        assert repr(example) == before
    assert asyncio.run(program.graph.ainvoke(examples[0]["inputs"])) == program.graph.invoke(examples[0]["inputs"])


def test_calls_are_recorded_as_made(graph: Any, oracle: Any) -> None:
    """A tool that keeps its argument, and adds to it in a later turn, does not change what was called before."""
    example = evals.tasks("base")[147]
    assert [call["name"] for turn in example["outputs"]["calls"] for call in turn][-2:] == ["post_tweet", "mention"]
    state = graph(oracle([example])).graph.invoke(example["inputs"])
    assert [step for turn in state["calls"] for step in turn] == example["outputs"]["calls"]


def test_rollouts_share_no_state(graph: Any, oracle: Any) -> None:
    """Rollouts of one task side by side have instances of their own, and leave the task's inputs as they were."""
    example = evals.tasks("base")[0]
    results = list[str]()
    right = oracle([example])

    def agent(request: Request, rng: random.Random) -> Answer:
        results.extend(str(message["content"]) for message in request.messages if message["role"] == "tool")
        return right(request, rng)

    program = graph(agent)
    before = repr(example)
    worlds = [program.World.of(example["inputs"]).methods["mkdir"].__self__ for _ in range(2)]
    assert worlds[0] is not worlds[1]
    alone = program.graph.invoke(example["inputs"])
    with ThreadPoolExecutor(4) as pool:
        states = list(pool.map(program.graph.invoke, [example["inputs"]] * 8))
    assert states == [alone] * 8
    assert all(score(example, state) == 1 for state in states)
    assert not any("error" in result.lower() for result in results)
    assert repr(example) == before


def test_modules(graph: Any, simulated: ModuleType) -> None:
    """What can be optimised is the system prompt and the description of each of 128 tools, as feedback names them."""
    program = graph(simulated.rewrite)
    modules = {module.name: module for module in discover(program.graph)}
    names = {document["name"] for documents in program.DOCUMENTS.values() for document in documents}
    assert len(names) == 128
    assert modules.keys() >= {evals.PROMPT, *(f"tool:{name}" for name in names)}
    assert modules[evals.PROMPT].text == program.PROMPT
    assert [module.name for module in modules.values() if module.on] == [evals.PROMPT]


def test_tools_on_offer(graph: Any) -> None:
    """The model is offered the tools of the task's classes, those held back from their turn on."""
    offered = list[set[str]]()

    def watching(request: Request, _rng: random.Random) -> Answer:
        offered.append(set(request.tool_names))
        return Answer("I cannot.")

    example = next(one for one in evals.tasks("miss_func") if one["inputs"]["classes"] == ["TradingBot"])
    (turn, held_back), *_ = example["inputs"]["held_back"].items()
    program = graph(watching)
    program.graph.invoke(example["inputs"])
    every = {document["name"] for document in program.DOCUMENTS["TradingBot"]}
    assert offered[int(turn) - 1] == every - set(held_back)
    assert offered[int(turn)] == every


def test_a_model_that_never_ends(graph: Any) -> None:
    """A turn with too many steps is the last one, as officially, and its task scores 0."""
    program = graph(lambda _request, _rng: Answer("", (ToolCall("pwd"),)))
    example = evals.tasks("base")[0]
    state = program.graph.invoke(example["inputs"])
    assert len(state["calls"]) == 1
    assert len(state["calls"][0]) == program.MAXIMUM_STEP_LIMIT + 1
    assert score(example, state) == 0


@pytest.mark.parametrize(
    "call",
    [
        ToolCall("no_such_tool"),
        ToolCall("post_tweet", {"content": "Hello."}),
        ToolCall("cd", {"directory": "x"}),
        ToolCall("cd", {"folder": 3}),
        ToolCall("cd", {"runtime": "x"}),
        ToolCall("cd"),
    ],
)
def test_calls_that_fail(graph: Any, call: ToolCall) -> None:
    """What a tool cannot take, and a tool that the task does not have, are answered and not raised."""
    program = graph(lambda request, _rng: Answer("Done.", (call,) if request.messages[-1]["role"] == "user" else ()))
    inputs = next(one["inputs"] for one in evals.tasks("base") if one["inputs"]["classes"] == ["GorillaFileSystem"])
    state = program.graph.invoke(inputs)
    assert state["calls"][0][0][0]["name"] == call.name
    assert state["replies"][0] == "Done."


def test_seed_prompt_teaches_nothing(simulated: ModuleType, load: Any) -> None:
    """The graph as it ships asks for none of what the agent needs to be asked for."""
    assert not covered(load("graphs/bfcl.py").PROMPT, simulated.LESSONS)


def test_optimized(graph: Any, simulated: ModuleType, tmp_path: Path) -> None:
    """A short run on the prompt and a few descriptions ends with texts by which more held-out tasks succeed."""
    key = simulated.scripts(evals.tasks("base"))
    personas = simulated.personas(key)
    program = graph(personas[simulated.AGENT], reflection=personas[simulated.REFLECTION])
    files = {
        name: [one for one in evals.split(name, "base") if "GorillaFileSystem" in one["inputs"]["classes"]]
        for name in evals.SPLITS
    }
    result = optimize(
        program.graph,
        files["train"],
        files["val"],
        testset=files["test"],
        metric=evals.metric,
        kinds=("prompt", "tool"),
        modules=["prompt", "tool:cat", "tool:tail"],
        reflection_lm="openai:reflection",
        budget=Budget(rollouts=60),
        in_flight=1,  # so that chance is the same each time
        run=tmp_path / "run",
        progress=False,
    )
    held_out = result.view.test
    assert held_out is not None
    assert fmean(change.delta for change in held_out.changes) > 0.1
