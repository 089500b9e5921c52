from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from langgraph_gepa import Budget, discover, evaluate, optimize
from langgraph_gepa.demo.lessons import covered
from langgraph_gepa.demo.server import Answer, ApiError, Persona, Request, SimulatedServer


@pytest.fixture
def program(load: Callable[[str], ModuleType]) -> ModuleType:
    return load("graphs/pupa.py")


@pytest.fixture
def server(simulated: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedServer]:
    """The simulated models, to which graph and judge are pointed."""
    with SimulatedServer(simulated.personas(simulated.shipped_keys())) as server:
        for variable, value in {
            "OPENAI_BASE_URL": server.base_url,
            "OPENAI_API_KEY": "simulated",
            "PUPA_MODEL": f"openai:{simulated.TRUSTED}",
            "PUPA_UNTRUSTED_MODEL": f"openai:{simulated.UNTRUSTED}",
            "PUPA_JUDGE": f"openai:{simulated.JUDGE}",
        }.items():
            monkeypatch.setenv(variable, value)
        yield server


def taught(program: ModuleType, simulated: ModuleType) -> dict[str, str]:
    """The graph's prompts with all that the simulated model needs to be asked for."""
    lessons = {"rewrite": simulated.REWRITING, "answer": simulated.ANSWERING}
    texts = {module.name: module.text for module in discover(program.graph)}
    return {name: "\n".join([texts[name], *(one.phrasings[0] for one in lessons[name])]) for name in texts}


def test_two_modules(program: ModuleType, evals: ModuleType, server: SimulatedServer) -> None:
    """What is optimised are the two prompts of the trusted model, under the names by which the metric blames them."""
    row = evals.trainset()[0]
    feedback = evals.metric(row["inputs"], program.graph.invoke(row["inputs"]), row["outputs"])
    assert [module.name for module in discover(program.graph) if module.on] == list(feedback.by_module)


def test_the_untrusted_model_learns_only_what_is_sent(
    program: ModuleType, server: SimulatedServer, simulated: ModuleType
) -> None:
    """The untrusted model gets the rewritten request and nothing beside it; the answer comes from the trusted one."""
    seen: list[Request] = []

    def listening(persona: Persona) -> Persona:
        def answer(request: Request, rng: random.Random) -> Answer:
            seen.append(request)
            return persona(request, rng)

        return answer

    server.models = {name: listening(persona) for name, persona in server.models.items()}
    state = program.graph.invoke({"request": simulated.shipped_keys()[0].request})
    assert [request.model for request in seen] == [simulated.TRUSTED, simulated.UNTRUSTED, simulated.TRUSTED]
    assert [message["content"] for message in seen[1].messages] == [state["sent"]]
    assert set(state) == set(program.State.__annotations__)


def test_a_request_is_data(program: ModuleType, server: SimulatedServer) -> None:
    """Braces in a request reach the model as they are."""
    assert program.graph.invoke({"request": "What is {request} and {x.y}?"})["answer"]


def test_prompts_decide(program: ModuleType, evals: ModuleType, simulated: ModuleType, server: SimulatedServer) -> None:
    """Prompts that ask for what the simulated model is silent on score higher on the same requests."""
    outcome = evaluate(program.graph, evals.testset(), metric=evals.metric, prompts=taught(program, simulated))
    assert outcome.after is not None
    assert outcome.after.mean > outcome.before.mean + 0.2


def test_a_failing_judge_is_asked_again(
    program: ModuleType, evals: ModuleType, server: SimulatedServer, simulated: ModuleType
) -> None:
    """A judge that first gives no verdict, or an error, costs neither score nor a second run of the graph."""
    calls: Counter[str] = Counter()
    judge = server.models[simulated.JUDGE]

    def moody(request: Request, rng: random.Random) -> Answer:
        calls[request.digest] += 1
        if calls[request.digest] == 1 and "<reply_a>" in request.user:
            if calls.total() == 1:
                raise ApiError(400, "filtered", code="content_filter")
            return Answer("I would rather not say.")
        return judge(request, rng)

    rows = evals.trainset()[:1]
    calm = evaluate(program.graph, rows, metric=evals.metric)
    paid = server.requests
    server.models[simulated.JUDGE] = moody
    again = evaluate(program.graph, rows, metric=evals.metric)
    assert replace(again, usage=calm.usage, rollouts=()) == replace(calm, rollouts=())
    assert max(calls.values()) > 1
    assert server.requests - paid == 3 + calls.total() - 1, (
        "three calls of the graph, the judge's, less the refused one"
    )


def test_optimised_offline(
    program: ModuleType, evals: ModuleType, server: SimulatedServer, tmp_path: Path, simulated: ModuleType
) -> None:
    """The whole path runs offline on simulated models and finds prompts that score higher on held-out requests."""
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
    assert held_out.after.mean > held_out.before.mean


def test_seed_prompts_teach_nothing(program: ModuleType, simulated: ModuleType) -> None:
    """The graph as it ships asks for none of what the simulated model needs to be asked for."""
    for prompt in (program.REWRITE, program.ANSWER):
        assert not covered(re.sub(r"<(\w+)>.*?</\1>", "", prompt, flags=re.DOTALL), simulated.LESSONS)


def test_the_simulated_judge(evals: ModuleType, server: SimulatedServer, simulated: ModuleType) -> None:
    """It passes the reference reply itself, and names what another lacks: sentences, the user's own details."""
    for key in simulated.shipped_keys():
        assert evals.quality(key.request, key.reply, key.reply)[0]
    good, reason = evals.quality(
        simulated.shipped_keys()[0].request, "Dear [private 4]", simulated.shipped_keys()[0].reply
    )
    assert not good
    assert "leaves out" in reason
    assert "placeholders" in reason
