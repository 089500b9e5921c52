"""The demo sets itself up and clears up after itself."""

from __future__ import annotations

import pytest
from openai import APIConnectionError

from langgraph_gepa.adapter.discovery.chat_models import models_of
from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.loading import load_graph
from langgraph_gepa.adapter.simulation import is_simulated
from langgraph_gepa.demo.stage import helpdesk_demo
from langgraph_gepa.demo.ticket_review import AGENT, ROUTER, WRITER
from langgraph_gepa.errors import ModelError
from langgraph_gepa.runs.config import DEMO_GRAPH


def test_the_server_lives_as_long_as_the_demo() -> None:
    """Graph and reflection model answer inside the `with`, and nothing listens after it."""
    with helpdesk_demo(seed=1) as demo:
        state = demo.graph.invoke(demo.trainset[0]["inputs"])
        assert demo.reflection_lm.invoke("Nothing to improve.").text
    assert 0 <= demo.metric(state, demo.trainset[0]["outputs"]).score <= 1
    demo.reflection_lm.max_retries = 0  # type: ignore[attr-defined]  # it is a ChatOpenAI
    with pytest.raises(APIConnectionError):
        demo.graph.invoke(demo.trainset[0]["inputs"])


def test_feedback_names_the_modules_that_discovery_finds() -> None:
    """The three prompts are what is optimised by default, under the names the metric uses."""
    with helpdesk_demo() as demo:
        found = survey(demo.graph, kinds=("prompt", "tool")).modules
    assert {module.name for module in found if module.on} == {ROUTER, AGENT, WRITER}


def test_models_are_called_simulated_and_known_to_be() -> None:
    """Nobody can take the demo's numbers for a real model's."""
    with helpdesk_demo() as demo:
        assert "simulated" in demo.reflection_lm.model_name  # type: ignore[attr-defined]  # it is a ChatOpenAI
        assert all(map(is_simulated, [demo.reflection_lm, *models_of(demo.graph)]))


def test_a_real_model_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for a real model without a key, the demo says which variable to set before anything runs."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ModelError, match="OPENAI_API_KEY"), helpdesk_demo(real=True):
        pass


def test_a_real_model_is_one_by_openai(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a key nothing simulated stands behind the demo."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    with helpdesk_demo(real=True) as demo:
        assert "simulated" not in demo.reflection_lm.model_name  # type: ignore[attr-defined]  # it is a ChatOpenAI
        assert not any(map(is_simulated, [demo.reflection_lm, *models_of(demo.graph)]))


def test_the_desk_is_loaded_again_by_its_name() -> None:
    """What a run of the demo is applied with: the same prompts, at the same places, and no server."""
    with helpdesk_demo() as demo:
        served = [(module.name, module.text, module.origin) for module in survey(demo.graph).modules]
    loaded = [(module.name, module.text, module.origin) for module in survey(load_graph(DEMO_GRAPH)).modules]
    assert loaded == served
