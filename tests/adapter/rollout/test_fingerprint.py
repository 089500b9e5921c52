"""Whatever scores depend on has a name, so that no run mixes two of a kind and none is refused without a reason."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, StateGraph
from pydantic import SecretStr

from langgraph_gepa import RunnerOptions
from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.loading import load_graph, load_metric
from langgraph_gepa.adapter.rollout.fingerprint import parts_of

KEY = "sk-secret-secret-secret"


@tool
def look_up(question: str) -> str:
    """Looks a question up."""
    return question


def metric(outputs: Any, weight: float = 1.0) -> float:
    return weight * bool(outputs)


def graph(prompt: str = "Help people.", middleware: Any = (), **how: Any) -> Any:
    settings = {"model": "gpt-4o-mini", "api_key": SecretStr(KEY), "base_url": "http://127.0.0.1:1/v1"} | how
    return create_agent(ChatOpenAI(**settings), [look_up], system_prompt=prompt, middleware=middleware)


@dataclasses.dataclass
class Context:
    customer: str
    lock: Any = dataclasses.field(default_factory=threading.Lock)


def parts(changed: Any = None, score: Any = metric, **options: Any) -> dict[str, str]:
    return parts_of(survey(changed or graph()), score, RunnerOptions(**options))


def context(customer: str) -> RunnerOptions:
    return RunnerOptions(context=Context(customer))


CASES: dict[str, tuple[set[str], Callable[[], dict[str, str]]]] = {
    "another model": ({"the models"}, lambda: parts(graph(model="gpt-4o"))),
    "another answer": ({"the answers to interrupts"}, lambda: parts(on_interrupt=str)),
    "another temperature": ({"the models"}, lambda: parts(graph(temperature=0.5))),
    "another seed": ({"the models"}, lambda: parts(graph(seed=1))),
    "another prompt": ({"the text of agent"}, lambda: parts(graph("Help them."))),
    "another metric": ({"the metric"}, lambda: parts(score=lambda outputs: bool(outputs))),
    "another argument of the metric": ({"the metric"}, lambda: parts(score=partial(metric, weight=0.5))),
    "another stand-in": ({"the stand-ins for tools"}, lambda: parts(tools={"look_up": lambda question: question})),
    "another recursion limit": ({"the recursion limit"}, lambda: parts(recursion_limit=7)),
    "one in the config": ({"the recursion limit"}, lambda: parts(config={"recursion_limit": 7})),
    "another config": ({"the config"}, lambda: parts(config={"configurable": {"shop": "north"}})),
    "another context": ({"the context"}, lambda: parts(context=Context("Ada"))),
}
SAME: dict[str, Callable[[], dict[str, str]]] = {
    "another address": lambda: parts(graph(base_url="http://127.0.0.1:2/v1")),
    "another key": lambda: parts(graph(api_key=SecretStr("sk-other-other-other-other"))),
    "another thread": lambda: parts(config={"configurable": {"thread_id": "7"}, "tags": ["x"]}),
    "another time-out": lambda: parts(timeout=7.0),
}


@pytest.mark.parametrize("case", CASES)
def test_what_changes_a_score_changes_its_part_and_no_other(case: str) -> None:
    """So that the error can name it."""
    names, changed = CASES[case]
    before, now = parts(), changed()
    assert {name for name in before | now if before.get(name) != now.get(name)} == names


@pytest.mark.parametrize("case", SAME)
def test_what_changes_no_score_changes_nothing(case: str) -> None:
    """A server on another port, a new key and more patience are no other run."""
    assert SAME[case]() == parts()


def test_the_values_of_two_contexts_are_told_apart_and_live_objects_are_not() -> None:
    """A lock is another in every process."""
    assert parts(context=Context("Ada")) == parts(context=Context("Ada"))
    assert parts(context=Context("Ada")) != parts(context=Context("Bob"))


def test_models_are_named_to_be_read_and_keys_are_in_nothing() -> None:
    """What is kept of a run's settings can be shown."""
    found = parts(graph(temperature=0.0))
    assert found["the models"] == "gpt-4o-mini (temperature 0.0)"
    assert KEY not in json.dumps(found)


def test_another_process_finds_the_same(project: Path) -> None:
    """A run goes on tomorrow, whatever the hashes of that day."""
    script = (
        "import json; from langgraph_gepa.adapter.loading import *;"
        "from langgraph_gepa.adapter.discovery.survey import survey;"
        "from langgraph_gepa.adapter.rollout.fingerprint import parts_of; from langgraph_gepa import RunnerOptions;"
        "print(json.dumps(parts_of(survey(load_graph('letters')), load_metric('letters.py:score'), RunnerOptions())))"
    )
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    there = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
    ).stdout
    here = parts_of(survey(load_graph("letters")), load_metric("letters.py:score"), RunnerOptions())
    assert json.loads(there) == here
    assert len(here) > 6


def test_where_a_model_is_served_may_change_although_a_partial_holds_it() -> None:
    """A node that is given its model as an argument is the same node when the server has moved."""

    def node(model: ChatOpenAI, state: dict[str, Any]) -> dict[str, Any]:
        return {"said": model.invoke(str(state)).text}

    def served_at(port: int) -> Any:
        model = ChatOpenAI(model="gpt-4o-mini", api_key=SecretStr(KEY), base_url=f"http://127.0.0.1:{port}/v1")
        return StateGraph(dict).add_node("node", partial(node, model)).add_edge(START, "node").compile()

    assert parts(served_at(1)) == parts(served_at(2))
