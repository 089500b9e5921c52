"""Traces of rollouts: in a project of the run's own, labelled, linked to examples, apart from the caller's trace."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda
from langchain_core.tracers.context import tracing_v2_enabled
from langchain_core.tracers.root_listeners import RootListenersTracer
from langsmith import Client, run_trees, traceable
from langsmith.run_helpers import tracing_context
from langsmith.utils import get_env_var

import langgraph_gepa
from langgraph_gepa import Budget, Result
from langgraph_gepa.adapter.tracing.traces import project_in_use, run_traced
from langgraph_gepa.core.example import Example
from langgraph_gepa.engine.purpose import Purpose
from langgraph_gepa.errors import UsageError
from langgraph_gepa.runs.traced import traced as traced_as
from langgraph_gepa.server.protocol import Request, dump_request

Run = dict[str, Any]


@pytest.fixture
def client(project: Path, smith: Any) -> Iterator[Client]:
    """Sends traces in the background, as the SDK does by itself."""
    made = Client()
    yield made
    made.cleanup()


@pytest.fixture
def traced(client: Client) -> Iterator[Client]:
    """Tracing is on, to the project "mine"."""
    with tracing_context(enabled=True, client=client, project_name="mine"):
        yield client


def optimized(**changed: Any) -> Result:
    how = {"metric": "letters.py:score", "reflection_lm": "openai:simulated-editor", "run": "run", "progress": False}
    how |= {"valset": "val.jsonl", "budget": Budget(rollouts=24), "in_flight": 1}
    return langgraph_gepa.optimize("letters", "train.jsonl", **(how | changed))


def evaluated(data: Any = "one.jsonl", **changed: Any) -> Any:
    Path("one.jsonl").write_text(Path("val.jsonl").read_text().splitlines()[0])
    return langgraph_gepa.evaluate("letters", data, **({"metric": "letters.py:score"} | changed))


def logged(smith: Any, client: Client) -> dict[str, list[Run]]:
    """The root runs by the name of their project, without LangSmith's own."""
    client.flush()
    names = {id: one["name"] for id, one in smith.sessions.items()}
    roots = [run for run in smith.runs.values() if run["parent_run_id"] is None]
    return {
        name: [run for run in roots if names[run["session_id"]] == name] for name in {*names.values()} - {"default"}
    }


def labels(run: Run) -> Run:
    return {name: run["extra"]["metadata"].get(name) for name in ("candidate", "iteration", "subset", "example")}


def test_a_run_has_a_project_of_its_own(smith: Any, traced: Client) -> None:
    """All of it is there, labelled by candidate, iteration, set and example, and nothing in the trace it is called in.

    A root run refers to its example if LangSmith has that.
    """
    rows = [json.loads(line) for line in Path("val.jsonl").read_text().splitlines()]
    held = smith.dataset("val", [{"inputs": row["inputs"], "outputs": row["outputs"]} for row in rows])
    traceable(name="caller")(lambda: optimized(valset="langsmith:val"))()
    projects = logged(smith, traced)
    (caller,) = projects.pop("mine")
    assert [run["id"] for run in smith.runs.values() if run["trace_id"] == caller["id"]] == [caller["id"]]
    rollouts = [run for run in projects.pop("run") if run["name"] == "letters"]
    assert not projects
    examples = {example["id"] for example in smith.examples.values() if example["dataset_id"] == held}
    of_the_seed = [run for run in rollouts if labels(run)["iteration"] == 0]
    assert {run["reference_example_id"] for run in of_the_seed} == examples
    assert [labels(run) for run in of_the_seed] == [
        {"candidate": 0, "iteration": 0, "subset": "pareto", "example": run["reference_example_id"]}
        for run in of_the_seed
    ]
    learned = [run for run in rollouts if labels(run)["subset"] == "feedback"]
    assert {labels(run)["candidate"] for run in learned} == {0, "proposed"}
    assert {run.get("reference_example_id") for run in learned} == {None}
    assert all({"candidate:0", "iteration:0", "subset:pareto"} <= set(run["tags"]) for run in of_the_seed)


def test_a_resumed_run_goes_on_in_its_project(smith: Any, traced: Client, caplog: Any) -> None:
    """The reflections are there too, and it is said where the traces are."""
    optimized()
    assert caplog.messages.count("Traces go to the LangSmith project 'run'.") == 1
    before = len(logged(smith, traced)["run"])
    optimized(budget=Budget(rollouts=60))
    projects = logged(smith, traced)
    assert projects.keys() == {"run"}
    added = projects["run"][before:]
    assert "reflection-model" in {tag for run in added for tag in run["tags"]}
    assert {run["extra"]["metadata"]["run"] for run in projects["run"]} == {"run"}


def test_an_evaluation_has_a_project_of_its_own(smith: Any, traced: Client, capfd: Any) -> None:
    """Its rollouts say with which prompts, and what the metric calls is told apart from them."""

    def judge(outputs: Any) -> float:
        return RunnableLambda(lambda _: 1.0, name="judge").invoke(outputs)

    evaluated(metric=judge, prompts={"sort": "Sort it."})
    ((name, runs),) = logged(smith, traced).items()
    assert name.startswith("letters-evaluation-")
    assert f"Traces go to the LangSmith project {name!r}." in capfd.readouterr().err
    rows = sorted((labels(run)["candidate"], run["name"], run["tags"].count("metric")) for run in runs)
    assert rows == [("after", "judge", 1), ("after", "letters", 0), ("before", "judge", 1), ("before", "letters", 0)]
    assert {labels(run)["subset"] for run in runs} == {"evaluation"}
    assert {run.get("reference_example_id") for run in runs} == {None}


def test_traces_may_stay_where_all_others_go(smith: Any, traced: Client) -> None:
    """They are labelled, and still traces of their own: the caller's callbacks are not called, nor its tags passed."""
    began: list[str] = []
    listener = RootListenersTracer(config={}, on_start=lambda run: began.append(run.name), on_end=None, on_error=None)
    caller = RunnableLambda(lambda _: evaluated(own_project=False).score, name="caller")
    caller.invoke("", {"callbacks": [listener], "tags": ["of the caller"]})
    ((name, runs),) = logged(smith, traced).items()
    assert (name, began) == ("mine", ["caller"])
    assert [(run["name"], "of the caller" in run["tags"]) for run in runs] == [("caller", True), ("letters", False)]
    assert labels(runs[1]) == {"candidate": "before", "iteration": None, "subset": "evaluation", "example": "letter-6"}
    assert {run["trace_id"] for run in smith.runs.values()} == {run["id"] for run in runs}


def test_a_tracer_of_the_callers_is_replaced(smith: Any, client: Client) -> None:
    """Its client sends the traces to the evaluation's project; with own_project=False its project gets them."""
    with tracing_v2_enabled("mine", client=client):
        evaluated()
        evaluated(own_project=False)
    projects = logged(smith, client)
    (other,) = projects.keys() - {"mine"}
    assert ([run["name"] for run in projects["mine"]], len(projects[other])) == (["letters"], 1)


def test_a_project_of_the_same_name_is_not_flooded() -> None:
    """Where the caller traces to a project that is called as the run, its traces go beside it."""
    messages: list[str] = []
    with tracing_context(enabled="local", project_name="run"):
        with traced_as("run", {}, {}, own_project=True, notify=messages.append):
            assert project_in_use() == "run-rollouts"
        assert project_in_use() == "run"
    assert messages == ["Traces go to the LangSmith project 'run-rollouts'."]


def test_without_an_answer_about_examples_the_run_goes_on(smith: Any, traced: Client, capfd: Any) -> None:
    """Ids that may be LangSmith's are looked up; a failure is a message, and no root run refers to an example."""
    row = json.loads(Path("val.jsonl").read_text().splitlines()[0]) | {"id": str(uuid.uuid4())}
    smith.busy(403, {"error": "Forbidden"}, at="GET /examples")
    evaluated([row])
    assert "cannot be looked up: the key may not do this (403)" in capfd.readouterr().err
    evaluated([row])
    runs = [run for project in logged(smith, traced).values() for run in project]
    assert [run.get("reference_example_id") for run in runs] == [None, None]
    assert smith.requests.count("GET /examples") == 2


@pytest.mark.parametrize(
    ("source", "linked", "asked"),
    [("langsmith:val", True, 0), ("langsmith-runs:app", False, 0), ("val.jsonl", True, 1), ("", True, 1)],
)
def test_only_where_it_is_not_known_langsmith_is_asked(
    smith: Any, traced: Client, source: str, linked: bool, asked: int
) -> None:
    """The examples of a data set are there, those of logged runs have the ids of runs, and others may be either."""
    smith.dataset("val", [{"inputs": {"n": 1}}])
    sets = {"data": [Example(next(iter(smith.examples)), {"n": 1}), Example("letter-6", {"n": 2})]}
    with traced_as("run", sets, {"data": source} if source else {}, own_project=True, notify=str):
        run = run_traced()
    assert run is not None
    assert (next(iter(smith.examples)) in run.linked) == linked
    assert smith.requests.count("GET /examples") == asked


def test_without_tracing_nothing_is_sent(smith: Any, client: Client) -> None:
    """LangSmith is not asked about examples either."""
    evaluated([json.loads(Path("val.jsonl").read_text().splitlines()[0]) | {"id": str(uuid.uuid4())}])
    assert (logged(smith, client), {*smith.requests}) == ({}, {"GET /info"})


def test_a_server_traces_as_the_client_would(smith: Any, client: Client, monkeypatch: Any) -> None:
    """A rollout there goes to the run's project with its labels, although no trace of the server's own run does.

    Where the client traces nothing itself, the server knows the project and the labels all the same.
    """
    smith.dataset("val", [{"inputs": {"name": "Ada", "letter": "Letter 1"}}])
    example = Example(next(iter(smith.examples)), {"name": "Ada", "letter": "Letter 1"}, {"sort": "urgent"})
    with traced_as("run", {"data": [example]}, {"data": "langsmith:val"}, own_project=True, notify=str, id="7"):
        run = run_traced()
    assert run is not None
    request = Request("rollout", "s", ("sort",), {"sort": "Sort."}, example, run=run.for_example(example),
                      purpose=Purpose(3, "pareto", 5))  # fmt: skip
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setattr(run_trees, "_CLIENT", client)
    get_env_var.cache_clear()
    served = langgraph_gepa.serve("letters.py:graph", metric="letters.py:score")
    with tracing_context(enabled=False):
        asyncio.run(served.ainvoke({"request": dump_request(request)}))
    ((project, (root,)),) = logged(smith, client).items()
    assert (project, root["name"], root["reference_example_id"]) == ("run", "letters", example.id)
    assert labels(root) == {"candidate": 3, "iteration": 5, "subset": "pareto", "example": example.id}
    assert root["extra"]["metadata"]["run_id"] == "7"


def test_the_project_is_no_name_to_choose(project: Path) -> None:
    """The switch takes True and False, which is said before anything is paid for."""
    with pytest.raises(UsageError, match="own_project='mine' is not True or False"):
        optimized(own_project="mine")
    with pytest.raises(UsageError, match="own_project='mine' is not True or False"):
        evaluated(own_project="mine")
