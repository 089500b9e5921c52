from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from langgraph_gepa import Budget, bind, discover, optimize
from langgraph_gepa.demo.server import Persona

Served = Callable[[Mapping[str, Persona], str], ModuleType]


@pytest.fixture
def program(served: Served, simulated: ModuleType) -> ModuleType:
    """The graph's file, loaded afresh and pointed at its simulated models."""
    return served(simulated.personas(), simulated.CHECKER)


def score(graph: Any, evals: ModuleType, examples: list[dict[str, Any]]) -> float:
    states = graph.batch([example["inputs"] for example in examples])
    scored = [evals.metric(state, example["outputs"]) for state, example in zip(states, examples, strict=True)]
    return sum(feedback.score for feedback in scored) / len(scored)


def test_rollout(program: ModuleType, evals: ModuleType) -> None:
    """The graph retrieves 7, 7 and 10 passages, and its state keeps what each node wrote."""
    state = program.graph.invoke(evals.trainset()[0]["inputs"])
    assert set(state) == set(program.State.__annotations__)
    assert [len(state[f"passages{hop}"]) for hop in (1, 2, 3)] == [7, 7, 10]
    assert all(state.values())


def test_another_corpus(program: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`HOVER_CORPUS` takes the place of the shipped passages."""
    (tmp_path / "corpus.jsonl").write_text('{"title": "Xylo", "text": "A made-up town."}\n')
    monkeypatch.setenv("HOVER_CORPUS", str(tmp_path / "corpus.jsonl"))
    assert program.search("Where is Xylo?", 3) == ["Xylo | A made-up town."]
    assert program.search("Nowhere", 1) == []


def test_four_modules(program: ModuleType, evals: ModuleType) -> None:
    """What is optimised is the paper's four prompts, under the names that the metric's feedback has."""
    on = [module for module in discover(program.graph) if module.on]
    assert [module.name for module in on] == list(evals.metric({}, {"titles": ["A"]}).by_module)
    assert [module.nodes for module in on] == [(module.name,) for module in on]


def test_prompts_decide(program: ModuleType, evals: ModuleType, simulated: ModuleType) -> None:
    """Texts that ask for what the simulated model does not do unasked find more pages on the same claims."""
    rules = "\n".join(f"- {lesson.phrasings[0]}" for lesson in simulated.LESSONS)
    texts = {module.name: f"{module.text}\n\nRules:\n{rules}" for module in discover(program.graph) if module.on}
    examples = [*evals.valset(), *evals.testset()]
    assert score(bind(program.graph, texts), evals, examples) > score(program.graph, evals, examples) + 0.1


def test_optimised(program: ModuleType, evals: ModuleType, simulated: ModuleType, tmp_path: Path) -> None:
    """A search over the graph runs whole on simulated models and finds prompts that are better on held-out claims."""
    result = optimize(
        program.graph,
        evals.trainset(),
        evals.valset(),
        metric=evals.metric,
        reflection_lm=f"openai:{simulated.REFLECTION}",
        budget=Budget(rollouts=140),
        seed=1,
        in_flight=1,
        progress=False,
        run=tmp_path / "run",
    )
    held_out = evals.testset()
    assert score(result.graph, evals, held_out) > score(program.graph, evals, held_out)
