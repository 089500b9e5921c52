"""Over a real LangGraph Server on loopback an optimisation is what it is in one process."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langgraph.pregel.remote import RemoteGraph

from langgraph_gepa import Budget, Result, RunnerOptions, discover, evaluate, optimize
from langgraph_gepa.adapter.failures.classification import is_lasting
from langgraph_gepa.adapter.failures.diagnosis import diagnosis
from langgraph_gepa.adapter.failures.reported import ReportedFailure
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.errors import GraphError, UsageError
from langgraph_gepa.runs import event_loop
from langgraph_gepa.runs.subject import evaluator_of, subject_of
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.server.conversation import threads_of
from langgraph_gepa.server.remote import RemoteEvaluator
from langgraph_gepa.server.workers import worker_at
from langgraph_gepa.store.memory import MemoryStore
from langgraph_gepa.testing import FakeLanguageModel
from tests.server.conftest import DevServer

NOBODY = "http://127.0.0.1:9"
SESSION = "0" * 32
LETTER = Example("e", {"name": "Ada", "letter": "Letter 1"}, {"sort": "urgent", "answer": "thanks"})


def searched(graph: Any, run: str, **how: Any) -> Result:
    how = {"budget": Budget(rollouts=26), **how}
    return optimize(
        graph, "train.jsonl", "val.jsonl", reflection_lm="openai:simulated-editor", run=run, in_flight=1,
        progress=False, **how,
    )  # fmt: skip


def accounts(result: Result) -> Any:
    spent = result.pool.spent
    return spent.rollouts, spent.graph, spent.reflections, spent.lost


def test_a_search_over_a_server_is_the_local_one(
    project: Path, dev: DevServer, caplog: pytest.LogCaptureFixture
) -> None:
    """The same prompts and the same accounts; a server that is down costs nothing but a sentence."""
    local = searched("letters.py:graph", "local", metric="letters.py:score")
    remote = searched("letters.py:graph", "remote", metric="letters.py:score", workers=[NOBODY, dev.url])
    assert remote.prompts == local.prompts
    assert accounts(remote) == accounts(local)
    assert remote.saved.config.workers == (NOBODY, dev.url)
    assert f"The server at {NOBODY} does not answer" in caplog.text


def test_a_graph_that_only_a_server_has_is_scored_and_searched(project: Path, dev: DevServer, started: Path) -> None:
    """Its modules are asked of the server, its metric scores, and a run that began here goes on there."""
    shutil.copytree(started, "run")
    assert [module.name for module in discover(dev.url)] == [module.name for module in discover("letters.py:graph")]
    here, there = (
        evaluate(graph, "val.jsonl", metric=metric, prompts="run")
        for graph, metric in (("letters.py:graph", "letters.py:score"), (RemoteGraph("letters", url=dev.url), None))
    )
    assert replace(here, rollouts=()) == replace(there, rollouts=())
    before = Result.open("run").pool.spent.rollouts
    result = searched(dev.url, "run", budget=Budget(rollouts=before + 30))
    assert result.pool.spent.rollouts > before
    assert result.saved.config.workers == (dev.url,)


def test_what_a_server_serves_differently_is_named_before_anything_is_paid(project: Path, dev: DevServer) -> None:
    """Another metric, other options, and a server without rollouts."""
    before = dev.models.requests
    with pytest.raises(GraphError, match="What differs: the metric"):
        searched("letters.py:graph", "run", metric="letters.py:broken", workers=[dev.url])
    options = RunnerOptions(recursion_limit=7)
    with pytest.raises(GraphError, match="What differs: the recursion limit"):
        searched("letters.py:graph", "run", metric="letters.py:score", options=options, workers=[dev.url])
    with pytest.raises(GraphError, match=r"The servers score by score, which is not letters\.py:broken"):
        searched(dev.url, "run", metric="letters.py:broken")
    with pytest.raises(UsageError, match=r"serves no graph 'others' .* langgraph_gepa.serve"):
        searched(f"{dev.url}#others", "run")
    with pytest.raises(UsageError, match="No server can run rollouts"):
        searched("letters.py:graph", "run", metric="letters.py:score", workers=[NOBODY])
    assert dev.models.requests == before


class Killed(Exception):
    """In place of a kill -9 after the reply arrived and before it is stored."""


def test_a_rollout_that_outlived_its_client_is_found_again(project: Path, dev: DevServer) -> None:
    """It is paid for once, is in the accounts once, and leaves no thread on the server."""

    class Dying(MemoryStore):
        alive = False

        def pay(self, key: str, value: str, event: Any, at: float) -> None:
            if not self.alive:
                raise Killed
            super().pay(key, value, event, at)

    store, worker = Dying(), worker_at(dev.url)

    def pay() -> Rollout:
        evaluator = evaluator_of(subject_of(dev.url, (), RunnerOptions()), None, ["sort"], RunnerOptions(), str)
        assert isinstance(evaluator, RemoteEvaluator)

        async def paid() -> Rollout:
            await evaluator.begin(SESSION, lambda _: None)
            ledger = Ledger(evaluator, FakeLanguageModel([]), store)
            try:
                return await ledger.rollout({}, LETTER, 1, "feedback", "")
            finally:
                await evaluator.end()

        return event_loop.run(lambda _: paid())

    before = dev.models.requests
    with pytest.raises(Killed):
        pay()
    assert dev.models.requests == before + 2
    assert len(event_loop.run(lambda _: threads_of(worker, SESSION))) == 1
    store.alive = True
    rollout = pay()
    assert dev.models.requests == before + 2
    spent = Pool.replay(event for _, event in store.events()).spent
    assert spent.usage == rollout.usage
    assert not event_loop.run(lambda _: threads_of(worker, SESSION))


def test_a_failure_on_a_server_is_the_same_failure_here(project: Path, dev: DevServer) -> None:
    """A model that does not answer is the world's failure, with all that the engine wants to know of it."""
    subject = subject_of(dev.url, (), RunnerOptions())
    evaluator = evaluator_of(subject, None, ["sort"], RunnerOptions(), str)
    models, dev.models.models = dev.models.models, {}
    try:
        with pytest.raises(ReportedFailure) as caught:
            event_loop.run(lambda _: evaluator.evaluate({}, LETTER))
    finally:
        dev.models.models = models
    assert is_lasting(caught.value)
    assert "does not exist" in diagnosis(caught.value)
    refused = event_loop.run(lambda _: evaluator.evaluate({"sort": "{brace"}, LETTER))
    assert refused.score == 0.0
