"""The official engine over a graph of ours."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, TypedDict

import pytest
from langchain_openai import ChatOpenAI
from langgraph.graph import START, StateGraph
from pydantic import SecretStr

from langgraph_gepa import Feedback, bind
from langgraph_gepa.demo.helpdesk import build
from langgraph_gepa.demo.server import Answer, ApiError, Request, SimulatedServer
from langgraph_gepa.demo.simulated import reflector, support
from langgraph_gepa.demo.ticket_review import review
from langgraph_gepa.demo.tickets import tickets
from langgraph_gepa.errors import UsageError
from langgraph_gepa.interop.gepa import LangGraphAdapter

TAGGED = "<current_text>\n<curr_param>\n</current_text>\n<feedback>\n<side_info>\n</feedback>"
"""gepa's data in the tags that the simulated reflection model reads."""
MODELS = {"simulated-agent": support, "simulated-reflector": reflector}

gepa = pytest.importorskip("gepa", reason="the engine needs the extra gepa")


class Silence:
    def log(self, message: str) -> None:
        pass


@pytest.fixture
def server() -> Iterator[SimulatedServer]:
    with SimulatedServer(MODELS) as running:
        yield running


def chat(server: SimulatedServer, model: str = "simulated-agent") -> ChatOpenAI:
    return ChatOpenAI(model=model, base_url=server.base_url, api_key=SecretStr("simulated"), max_retries=0)


def test_the_official_engine_finds_better_prompts(server: SimulatedServer) -> None:
    """`gepa.optimize` improves the support desk without glue, and its best candidate binds."""
    desk, reflection = build(chat(server)), chat(server, "simulated-reflector")
    adapter = LangGraphAdapter(desk, review)
    result = gepa.optimize(
        adapter.seed_candidate,
        tickets("train"),
        tickets("validation"),
        adapter=adapter,
        reflection_lm=lambda prompt: reflection.invoke(prompt).text,
        reflection_prompt_template=TAGGED,
        max_metric_calls=150,
        logger=Silence(),
    )
    assert result.val_aggregate_scores[result.best_idx] > result.val_aggregate_scores[0]
    assert result.best_candidate.keys() == adapter.seed_candidate.keys()
    assert bind(desk, result.best_candidate).nodes.keys() == desk.nodes.keys()


def test_each_component_has_its_own_records(server: SimulatedServer) -> None:
    """A component's records hold its own calls and its own feedback, and no other's."""
    adapter = LangGraphAdapter(build(chat(server)), review)
    seed = adapter.seed_candidate
    batch = adapter.evaluate(tickets("train")[:4], seed, capture_traces=True)
    records = adapter.make_reflective_dataset(seed, batch, list(seed))
    assert all(len(records[name]) == 4 for name in seed)
    calls = [tuple(record["Generated Outputs"] for record in records[name]) for name in seed]
    assert len(set(calls)) == len(seed)
    for place, trajectory in enumerate(batch.trajectories or ()):
        for name, text in trajectory.rollout.feedback.by_module.items():
            readers = [other for other in seed if f"on this module: {text}" in records[other][place]["Feedback"]]
            assert name in readers
            assert all(trajectory.rollout.feedback.by_module[other] == text for other in readers)


def test_a_broken_text_is_never_run(server: SimulatedServer) -> None:
    """It scores 0 on each example, its component learns why, and no model is called."""
    adapter = LangGraphAdapter(build(chat(server)), review)
    candidate = adapter.seed_candidate | {"writer_prompt": "Write to {nobody}."}
    batch = adapter.evaluate(tickets("train")[:2], candidate, capture_traces=True)
    assert (batch.scores, server.requests) == ([0.0, 0.0], 0)
    records = adapter.make_reflective_dataset(candidate, batch, ["writer_prompt"])["writer_prompt"]
    assert all("{name}" in record["Feedback"] and "cannot be used" in record["Feedback"] for record in records)


def test_batches_are_kept_in_order_with_repeated_examples(server: SimulatedServer) -> None:
    """An example that gepa draws twice is scored twice; without traces there are no trajectories."""
    adapter = LangGraphAdapter(build(chat(server)), review)
    first, second = tickets("train")[:2]
    batch = adapter.evaluate([first, second, first], adapter.seed_candidate)
    assert batch.scores[0] == batch.scores[2]
    assert len(batch.outputs) == 3
    assert batch.trajectories is None


def test_failures_of_the_world_are_tried_again(server: SimulatedServer) -> None:
    """A server that answers 503 at first costs a wait and no score."""
    failures = iter((True,))

    def flaky(request: Request, rng: Any) -> Answer:
        if next(failures, False):
            raise ApiError(503, "overloaded")
        return support(request, rng)

    examples = tickets("train")[:1]
    wanted = LangGraphAdapter(build(chat(server)), review)
    server.models["flaky"] = flaky
    adapter = LangGraphAdapter(build(chat(server, "flaky")), review)
    assert (
        adapter.evaluate(examples, adapter.seed_candidate).scores
        == wanted.evaluate(examples, wanted.seed_candidate).scores
    )


class Text(TypedDict, total=False):
    text: str


def objectives(outputs: dict[str, Any] | None) -> Feedback:
    kind = outputs["text"] if outputs else ""
    return Feedback(0.5, objectives={"short": float(len(kind) < 9), "polite": 0.0})


def greeter(fails: bool = False) -> Any:
    greeting = "Say hello."

    def greet(state: Text) -> Text:
        if fails or state["text"] == "fail":
            raise ValueError("no greeting")
        return {"text": server_model.invoke(greeting).text}

    return StateGraph(Text).add_node(greet).add_edge(START, "greet").compile()


server_model: Any = None


def test_objectives_are_scores_by_name(server: SimulatedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each objective is reported for each example; a rollout that failed has 0 in all of them."""
    server.models["hello"] = lambda request, rng: Answer("Hello.")
    monkeypatch.setattr(sys.modules[__name__], "server_model", chat(server, "hello"))
    adapter = LangGraphAdapter(greeter(), objectives)
    batch = adapter.evaluate([{"inputs": {"text": "?"}}, {"inputs": {"text": "fail"}}], adapter.seed_candidate)
    assert batch.objective_scores == [{"short": 1.0, "polite": 0.0}, {"short": 0.0, "polite": 0.0}]
    assert batch.scores == [0.5, 0.0]


@pytest.mark.parametrize(("given", "expected"), [(None, -2.0), (-9.0, -9.0)])
def test_a_failure_scores_no_higher_than_success(
    server: SimulatedServer, monkeypatch: pytest.MonkeyPatch, given: float | None, expected: float
) -> None:
    """Where scores are negative a failure, and a text that cannot be used, has the lowest seen or the one given."""
    server.models["hello"] = lambda request, rng: Answer("Hello.")
    monkeypatch.setattr(sys.modules[__name__], "server_model", chat(server, "hello"))

    def errors(inputs: dict[str, Any], outputs: dict[str, Any]) -> Feedback:
        return Feedback(-float(len(inputs["text"])), objectives={"errors": -3.0})

    adapter = LangGraphAdapter(greeter(), errors, failure_score=given)
    examples = [{"inputs": {"text": "fail"}}, {"inputs": {"text": "?"}}, {"inputs": {"text": "??"}}]
    batch = adapter.evaluate(examples, adapter.seed_candidate)
    assert batch.scores == [expected, -1.0, -2.0]
    assert batch.objective_scores == [{"errors": -3.0}] * 3
    (name,) = adapter.seed_candidate
    assert adapter.evaluate(examples[:1], {name: ""}).scores == [expected]


def test_unknown_components_are_refused(server: SimulatedServer) -> None:
    """A name that is no module's is a mistake of the caller, and the message lists the modules."""
    adapter = LangGraphAdapter(build(chat(server)), review)
    with pytest.raises(UsageError, match=r"writer_promt.*writer_prompt"):
        adapter.evaluate(tickets("train")[:1], {"writer_promt": "Hi {name}"})


def test_without_gepa_the_message_says_what_to_install(
    server: SimulatedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The module imports without gepa; making an adapter names the extra."""
    monkeypatch.setitem(sys.modules, "gepa.core.adapter", None)
    with pytest.raises(UsageError, match=r"pip install \"langgraph-gepa\[gepa\]\""):
        LangGraphAdapter(build(chat(server)), review)
