"""What goes to a server and back arrives as it was, whatever is in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.adapter.failures.reported import Findings
from langgraph_gepa.adapter.tracing.traces import TracedRun
from langgraph_gepa.core.example import Example, RoleDict
from langgraph_gepa.core.rollout import Call, Feedback, Rollout, Usage
from langgraph_gepa.engine.purpose import Purpose
from langgraph_gepa.errors import MetricError, UsageError
from langgraph_gepa.server.protocol import (
    Reply,
    Request,
    dump_reply,
    dump_request,
    error_named,
    load_reply,
    load_request,
)

texts = st.text(st.characters(), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(inputs=st.dictionaries(texts, values, max_size=4), prompt=texts)
def test_a_request_arrives_as_it_was(inputs: dict[str, Any], prompt: str) -> None:
    """In ASCII, so that no database or encoder on the way changes it."""
    labels = {"run": TracedRun("run", "project", ("e",), "id"), "purpose": Purpose("proposed", "gate", 3)}
    request = Request("rollout", "s", ("m",), {"m": prompt}, Example("e", inputs, {"a": 1}, {}), **labels)
    text = dump_request(request)
    assert text.isascii()
    assert load_request(text) == request


def test_a_message_stays_a_message_at_any_depth() -> None:
    """One that was given as an object is made an object again for the rollout; one that was a dict is not."""
    inputs = {"messages": [RoleDict(role="user", content="hi"), {"role": "user", "content": "hi"}], "n": {"one": [0]}}
    inputs["n"]["one"] = RoleDict(role="user", content="deep")
    example = load_request(dump_request(Request("rollout", example=Example("e", inputs)))).example
    assert example is not None
    assert isinstance(example.inputs["messages"][0], RoleDict)
    assert not isinstance(example.inputs["messages"][1], RoleDict)
    assert isinstance(example.inputs["n"]["one"], RoleDict)


def test_a_reply_arrives_as_it_was() -> None:
    """With all that a rollout, a failure and a proof hold."""
    call = Call("model", "n", "gpt", [{"role": "user", "content": "\x00\ud800"}], usage=Usage(1, 2, None, 3))
    feedback = Feedback(0.5, "so so", {"m": "mention it"}, {"tone": 1.0})
    reply = Reply(
        rollout=Rollout("e", {"x": float("inf")}, feedback, (call,), Usage(1, 2, 0.3), 1.5, "no", ("n",)),
        failure=Findings("a", "b", "c", is_lasting=True, retry_after=3.0),
        ended=True,
        token="t",
        error=("MetricError", "wrong"),
        spent=Usage(1, 2, None),
        no_effect={"m": "stale"},
        arrived=("n",),
    )
    assert load_reply(dump_reply(reply)) == reply


def test_an_error_is_the_same_error_on_the_other_side() -> None:
    """And nothing else: a name from a server makes no other object."""
    assert isinstance(error_named("MetricError", "wrong"), MetricError)
    assert type(error_named("visible", "wrong")) is UsageError
    assert type(error_named("WorldFailure", "wrong")) is UsageError


@pytest.mark.parametrize("change", [{"protocol": 99}, {"wants": "money"}, {"texts": 3}])
def test_what_another_version_says_is_refused_in_words(change: dict[str, Any]) -> None:
    """The fix is the same version on both sides."""
    message = json.dumps(json.loads(dump_request(Request("describe"))) | change)
    with pytest.raises(UsageError, match="same version of langgraph-gepa"):
        load_request(message)


@pytest.mark.parametrize("text", ["", "{", "[]", "hello"])
def test_what_is_no_request_is_refused_in_words(text: str) -> None:
    """As when somebody calls the served graph by hand."""
    with pytest.raises(UsageError, match="langgraph-gepa"):
        load_request(text)
