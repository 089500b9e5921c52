from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import fmean
from types import ModuleType

import constraints
import pytest

from langgraph_gepa import Budget, discover, optimize
from langgraph_gepa.demo.lessons import covered
from langgraph_gepa.demo.server import Persona, Request

Served = Callable[[Mapping[str, Persona], str], ModuleType]


@pytest.fixture
def program(served: Served, evals: ModuleType, simulated: ModuleType) -> ModuleType:
    """The graph's file, loaded afresh and pointed at a simulated server that knows the sample's constraints."""
    key = simulated.answer_key([*evals.trainset(), *evals.valset(), *evals.testset()])
    return served(simulated.personas(key), simulated.WRITER)


def test_rollout(program: ModuleType, evals: ModuleType) -> None:
    """The graph runs over HTTP, sync and async alike, and keeps the draft beside the response."""
    inputs = evals.trainset()[0]["inputs"]
    state = program.graph.invoke(inputs)
    assert set(state) == set(program.State.__annotations__)
    assert all(state.values())
    assert asyncio.run(program.graph.ainvoke(inputs)) == state


def test_two_modules(program: ModuleType, evals: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is optimised is the paper's two prompts, under the names by which the metric gives feedback."""
    monkeypatch.setattr(evals, "judge", lambda *_: constraints.Verdict("Say so.", met=True))
    feedback = evals.metric({"query": "?"}, {}, {"constraints": [{}]})
    assert [module.name for module in discover(program.graph) if module.on] == list(feedback.by_module)


def test_seed_prompts_teach_nothing(program: ModuleType, simulated: ModuleType) -> None:
    """The graph as it ships asks for none of what the writer needs to be asked for."""
    assert not covered(f"{program.RESPOND}\n{program.CORRECT}", simulated.LESSONS)


KEY = {"Speak.": [{"id": "punctuation:no_comma", "arguments": {}}, {"id": "startend:quotation", "arguments": {}}]}


def asked(simulated: ModuleType, prompt: str, seed: int = 0) -> str:
    request = Request(simulated.WRITER, ({"role": "user", "content": prompt},))
    return str(simulated.personas(KEY)[simulated.WRITER](request, random.Random(seed)).text)


def kept(simulated: ModuleType, prompt: str) -> float:
    """How often, in 40 replies, a comma is avoided and the reply wrapped in quotation marks."""
    replies = [asked(simulated, prompt, seed) for seed in range(40)]
    return sum(("," not in reply) + bool(re.fullmatch(r'".*"', reply, re.DOTALL)) for reply in replies) / 80


def test_prompts_decide(program: ModuleType, simulated: ModuleType) -> None:
    """The writer meets the constraints its prompt asks it to mind, others by luck, wherever the rules stand."""
    rules = "\n".join(f"- {lesson.phrasings[0]}" for lesson in simulated.LESSONS)
    draft = asked(simulated, "Speak.", seed=7)
    for prompt in (program.RESPOND.format(query="Speak."), program.CORRECT.format(query="Speak.", response=draft)):
        assert kept(simulated, prompt) < 0.6
        assert kept(simulated, f"{prompt}\n\n{rules}") > 0.85
        assert kept(simulated, f"{rules}\n\n{prompt}") > 0.85


def test_a_correction_keeps_what_the_draft_met(program: ModuleType, simulated: ModuleType) -> None:
    """What the draft met stays met when it is corrected, as long as no remarks are put around it."""
    draft = asked(simulated, "\n".join(lesson.phrasings[0] for lesson in simulated.FAMILIES) + "\nSpeak.")
    assert "," not in draft
    assert draft.startswith('"')
    bare = simulated.CORRECTING[1].phrasings[0]
    prompt = f"{bare}\n{program.CORRECT.format(query='Speak.', response=draft)}"
    replies = [asked(simulated, prompt, seed) for seed in range(40)]
    assert replies.count(draft) > 30


@pytest.fixture
def verifiers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skips the test where the official verifiers, or what they need of NLTK for the sample, are not installed."""
    for package in (*constraints.PACKAGES, "lighteval.tasks.tasks.ifbench"):
        pytest.importorskip(package)
    import nltk

    monkeypatch.setattr(nltk, "download", lambda *_args, **_options: False)
    for resource in ("punkt_tab", "stopwords"):
        try:
            nltk.data.find(constraints.RESOURCES[resource])
        except LookupError:
            pytest.skip(f"NLTK has no {resource} here")


@pytest.mark.usefixtures("verifiers")
def test_optimized_with_the_official_verifiers(
    program: ModuleType, evals: ModuleType, simulated: ModuleType, tmp_path: Path
) -> None:
    """A run on the sample ends with prompts that meet more constraints of kinds it never saw."""
    result = optimize(
        program.graph,
        evals.trainset(),
        evals.valset(),
        testset=evals.testset(),
        metric=evals.metric,
        reflection_lm=f"openai:{simulated.REFLECTION}",
        budget=Budget(rollouts=150),
        run=tmp_path / "run",
        progress=False,
    )
    held_out = result.view.test
    assert held_out is not None
    assert fmean(change.delta for change in held_out.changes) > 0.2
