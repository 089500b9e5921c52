"""Prompts that are fields of an assistant's context go into a new version of it, on a real server on loopback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from langgraph_gepa import Budget, Result, optimize
from langgraph_gepa.core.module import Module
from langgraph_gepa.errors import UsageError
from langgraph_gepa.server.assistants import field_of
from tests.server.conftest import CONFIGURED, DevServer

PROMPT = "Sort the letter."


def got(dev: DevServer, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = Request(f"{dev.url}{path}", data, {"Content-Type": "application/json"})  # noqa: S310 - loopback
    with urlopen(request) as answer:  # noqa: S310 - loopback
        return json.load(answer)


def score(outputs: dict[str, Any]) -> float:
    """Counts which prompts are new: the simulated model repeats them."""
    return sum("Be brief." in outputs[name] for name in ("kind", "reply")) / 2


@pytest.fixture
def configured(project: Path) -> Result:
    """A run that changed both prompts of a graph of which one is a field of the context."""
    (project / "configured.py").write_text(CONFIGURED)
    result = optimize(
        "configured.py:graph", "train.jsonl", "val.jsonl", metric=score, run="run", progress=False,
        proposer=lambda module, text, records: f"{text} Be brief.", budget=Budget(rollouts=120), in_flight=1,
    )  # fmt: skip
    before = result.saved.pool.candidates[0].texts
    assert all(result.prompts[name] != before[name] for name in before)
    return result


def test_a_field_of_the_context_becomes_a_version_and_other_texts_are_named(configured: Result, dev: DevServer) -> None:
    """With the run in its metadata; the version in use changes only when that is wanted."""
    own = got(dev, "/assistants", {"graph_id": "configured", "context": {"tone": "warm"}})["assistant_id"]
    pushed = configured.push_assistant(own, dev.url)
    assert (dict(pushed.fields), pushed.version, pushed.is_default) == ({"sort_prompt": "sort_prompt"}, 2, False)
    assert pushed.left_out == {
        "answer": "no field of the context holds its text, so it can only be changed in the source"
    }
    versions = {one["version"]: one for one in got(dev, f"/assistants/{own}/versions", {})}
    assert versions[2]["context"] == {"tone": "warm", "sort_prompt": configured.prompts["sort_prompt"]}
    assert versions[2]["metadata"]["langgraph_gepa_run"] == "run"
    assert got(dev, f"/assistants/{own}")["context"] == {"tone": "warm"}
    assert configured.push_assistant(own, dev.url, as_default=True).is_default
    assert got(dev, f"/assistants/{own}")["context"]["sort_prompt"] == configured.prompts["sort_prompt"]
    again = configured.push_assistant(own, dev.url)
    assert (again.version, again.done) == (None, ("sort_prompt",))


def test_what_cannot_be_pushed_is_refused_in_words(configured: Result, dev: DevServer) -> None:
    """No server, another server's assistant, and a name that is neither an assistant nor a graph."""
    with pytest.raises(UsageError, match="Say which server"):
        configured.push_assistant("configured")
    with pytest.raises(UsageError, match="has neither an assistant with the id"):
        configured.push_assistant("00000000-0000-0000-0000-000000000000", dev.url)
    with pytest.raises(UsageError, match="nor a graph of that name"):
        configured.push_assistant("nobody", dev.url)
    with pytest.raises(UsageError, match="does not answer"):
        configured.push_assistant("configured", "http://127.0.0.1:9")


def test_the_field_that_is_meant_is_known_by_its_text_and_then_by_its_name() -> None:
    """A text that several fields have without one of the module's name could be any of them."""
    module = Module("writer", "prompt", PROMPT)
    assert field_of(module, "new", {"a": PROMPT, "b": "other"}) == "a"
    assert field_of(module, "new", {"a": PROMPT, "writer": PROMPT}) == "writer"
    assert field_of(module, "new", {"a": PROMPT, "b": PROMPT}) is None
    assert field_of(module, "new", {"a": "new"}) == "a"
    assert field_of(module, "new", {"a": None, "writer": "changed by somebody"}) is None
