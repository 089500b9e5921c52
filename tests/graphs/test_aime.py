from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

import pytest

from langgraph_gepa import Budget, discover, evaluate, optimize
from langgraph_gepa.demo.lessons import Lesson, covered
from langgraph_gepa.demo.server import Persona

Load = Callable[[str], ModuleType]
Served = Callable[[Mapping[str, Persona], str], ModuleType]


@pytest.fixture
def program(served: Served, simulated: ModuleType) -> ModuleType:
    """The graph's file, loaded afresh and pointed at its simulated models."""
    return served(simulated.personas(simulated.shipped_key()), simulated.SOLVER)


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("So x is 7.\n\nAnswer: 70", "70"),
        ("Answer: 12 at first.\nNo.\n**Final answer:** 70", "70"),
        ("**Answer: 70**", "70"),
        ("**Answer**: 70", "70"),
        ("> ANSWER : 70", "70"),
        ("The answer: a lemma.\nAnswer: \\boxed{70}", "\\boxed{70}"),
        ("\n" * 100_000 + "70", "70"),
        ("## Answer:\n\n70\n", "70"),
        ("Hence $\\boxed{70}$ is it.", "70"),
        ("First \\boxed{1}, then \\boxed{\\frac{1}{2}}", "\\frac{1}{2}"),
        ("It is\n70", "70"),
        ("Answer:", ""),
        ("", ""),
    ],
)
def test_extracted(program: ModuleType, reply: str, answer: str) -> None:
    """The answer is the reply's last answer line, else its last box, else its last line."""
    assert program.extracted(reply) == answer


def test_rollout(program: ModuleType, evals: ModuleType) -> None:
    """A problem with braces and backslashes reaches the model as it is, and the state keeps the whole reply."""
    state = program.graph.invoke(evals.trainset()[0]["inputs"])
    assert set(state) == set(program.State.__annotations__)
    assert state["reasoning"].endswith(state["answer"])
    assert "new to me" not in state["reasoning"]


def test_one_module(program: ModuleType, evals: ModuleType) -> None:
    """What is optimised is the one prompt, under the name that the metric's feedback has."""
    assert [module.name for module in discover(program.graph) if module.on] == [evals.MODULE]


def test_optimised(program: ModuleType, evals: ModuleType, simulated: ModuleType, tmp_path: Path) -> None:
    """A search runs whole on simulated models and finds a prompt that is better on held-out problems."""
    result = optimize(
        program.graph,
        evals.trainset(),
        evals.valset(),
        metric=evals.metric,
        reflection_lm=f"openai:{simulated.REFLECTION}",
        budget=Budget(rollouts=80),
        run=tmp_path / "run",
        in_flight=1,
        progress=False,
    )
    held_out = evaluate(program.graph, evals.testset(), metric=evals.metric, prompts=result.prompts)
    assert held_out.after is not None
    assert held_out.after.mean > held_out.before.mean + 0.2


def test_lessons(load: Load, evals: ModuleType) -> None:
    """Each way to write a lesson teaches it and no other kind's, and the sample's feedback speaks of each kind."""
    lessons: tuple[Lesson, ...] = load("evals/simulated/aime.py").LESSONS
    for lesson in lessons:
        assert all(covered(phrasing, lessons) == {lesson.name} for phrasing in lesson.phrasings)
    kinds = {example["metadata"]["kind"] for example in evals.trainset()}
    assert kinds == {lesson.name for lesson in lessons} - {"bare"}


def test_seed_prompt_teaches_nothing(program: ModuleType, simulated: ModuleType) -> None:
    """The prompt as it is written covers none of the lessons, so that there is something to learn."""
    assert not covered(program.SOLVE.format(problem=""), simulated.LESSONS)
