"""The served graph runs rollouts as the local evaluator does, apart from the run that it is called in."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler

from langgraph_gepa import RunnerOptions, serve
from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.loading import load_graph, load_metric
from langgraph_gepa.adapter.rollout.evaluator import GraphEvaluator
from langgraph_gepa.core.example import Example
from langgraph_gepa.errors import UsageError
from langgraph_gepa.runs import event_loop
from langgraph_gepa.server.protocol import Reply, Request, dump_request, load_reply

LETTER = Example("e", {"name": "Ada", "letter": "Letter 1"}, {"sort": "urgent", "answer": "thanks"})
TEXTS = {"sort": "Sort urgent.", "answer": "Answer {name}."}


def asked(request: Request, *, metric: str = "letters.py:score", config: Any = None, **how: Any) -> Reply:
    """The reply of a served graph that another graph's run calls."""
    served = serve("letters.py:graph", metric=metric, **how)
    state = asyncio.run(served.ainvoke({"request": dump_request(request)}, config))
    return load_reply(state["reply"])


def wanted(wants: Any = "rollout", texts: Any = TEXTS, **what: Any) -> Request:
    return Request(wants, "s", ("sort", "answer"), texts=texts, example=LETTER, **what)


def test_a_served_rollout_is_the_local_one(project: Path) -> None:
    """Its calls, their modules, its score and its usage."""
    local = GraphEvaluator(survey(load_graph("letters.py:graph")), load_metric("letters.py:score"))
    here = event_loop.run(lambda _: local.evaluate(TEXTS, LETTER))
    reply = asked(wanted())
    there = reply.rollout
    assert there is not None
    assert (there.outputs, there.feedback, there.usage) == (here.outputs, here.feedback, here.usage)
    assert [(call.node, call.modules) for call in there.calls] == [(call.node, call.modules) for call in here.calls]
    assert reply.spent == there.usage


def test_the_servers_own_run_sees_nothing_of_a_rollout(project: Path) -> None:
    """Neither its callbacks nor its config reach the agent, so that no trace of theirs fills with rollouts."""

    class Watcher(BaseCallbackHandler):
        calls = 0

        def on_chat_model_start(self, *_: Any, **__: Any) -> None:
            self.calls += 1

    watcher = Watcher()
    assert asked(wanted(), config={"callbacks": [watcher]}).rollout is not None
    assert watcher.calls == 0


def test_a_mistake_is_answered_with_the_error_it_is(project: Path) -> None:
    """A metric that breaks, a text that loses its placeholder, a module that is none, and no request at all."""
    assert (asked(wanted(), metric="letters.py:broken").error or "")[0] == "MetricError"
    assert (asked(wanted(texts={"answer": "Answer {nobody}."})).error or "")[0] == "PlaceholderError"
    assert "No module is called nothing" in (asked(Request("rollout", modules=("nothing",))).error or "")[1]


def test_a_metric_whose_judge_fails_is_asked_again_without_another_rollout(project: Path, server: Any) -> None:
    """The reply names the rollout that is kept; a server that forgot it says so, as a failure of the world."""
    (project / "judged.py").write_text(
        "from langgraph_gepa.errors import WorldFailure\n"
        "tries = []\n"
        "def score(outputs):\n"
        "    tries.append(1)\n"
        "    if len(tries) == 1: raise WorldFailure('no verdict')\n"
        "    return 1.0\n"
    )
    served = serve("letters.py:graph", metric="judged.py:score")

    def ask(request: Request) -> Reply:
        return load_reply(asyncio.run(served.ainvoke({"request": dump_request(request)}))["reply"])

    first = ask(wanted())
    assert first.rollout is None
    assert first.failure is not None
    requests = server.requests
    again = ask(Request("again", token=first.token))
    assert again.rollout is not None
    assert again.rollout.score == 1.0
    assert server.requests == requests
    assert "no longer has the rollout" in ask(Request("again", token=first.token)).failure.text  # type: ignore[union-attr]


@pytest.mark.parametrize("stale", ["an earlier process was asked", "the server tries it again"])
def test_a_rollout_that_a_dead_server_left_is_not_run_again(project: Path, server: Any, stale: str) -> None:
    """A server that starts on its old files runs what it finds there, and nobody would account for that."""
    config = {"metadata": {"run_attempt": 2}} if stale == "the server tries it again" else None
    reply = asked(wanted(sent=time.time() - 3600 if config is None else 0.0), config=config)
    assert reply.failure is not None
    assert "the server stopped during the rollout" in reply.failure.text
    assert server.requests == 0
    assert asked(wanted(sent=time.time() + 60)).rollout is not None


def test_keys_leave_the_server_in_no_reply(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server hides its own keys, and whatever its options' mask hides."""
    monkeypatch.setenv("OTHER_API_KEY", "Letter 1")
    reply = asked(wanted(), options=RunnerOptions(mask=lambda text: text.replace("urgent", "[gone]")))
    assert reply.rollout is not None
    assert "Letter 1" not in str(reply)
    assert "urgent" not in str(reply.rollout.outputs)


def test_what_cannot_be_served_is_refused_when_the_server_starts(project: Path) -> None:
    """Not when the first rollout is asked for."""
    with pytest.raises(UsageError):
        serve("letters.py:graph", metric="letters.py:nothing")
