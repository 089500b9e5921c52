"""Keys never leave: not in the run's folder, not in what is printed, logged or raised; nor does what a mask hides."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import traceback
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any, TypedDict

import jinja2
import pytest
from langchain_openai import ChatOpenAI
from langgraph.graph import START, StateGraph
from pydantic import SecretStr

from langgraph_gepa import Budget, RunnerOptions, optimize
from langgraph_gepa.adapter.rollout.redaction import clean, masking, secrets_of
from langgraph_gepa.demo.server import Answer, ApiError, SimulatedServer
from langgraph_gepa.errors import ModelError, UsageError

GRAPH_KEY = "marked-key-of-the-graph"
HEADER_KEY = "marked-header-of-the-graph"
REFLECTION_KEY = "marked-key-of-the-reflection"
ENVIRONMENT_KEY = "marked-key-of-a-tool"
KEYS = (GRAPH_KEY, HEADER_KEY, REFLECTION_KEY, ENVIRONMENT_KEY)
EXAMPLES = [{"inputs": {"question": f"Who is ann{n}@example.com?"}} for n in range(3)]


class State(TypedDict, total=False):
    question: str
    answer: str
    debug: Any


def chat(url: str, key: str, **settings: Any) -> ChatOpenAI:
    return ChatOpenAI(model="simulated", base_url=url, api_key=SecretStr(key), max_retries=0, **settings)


def leaky(url: str) -> Any:
    """A graph that spreads its keys: into its state, its model's messages, its errors."""
    model = chat(url, GRAPH_KEY, default_headers={"Authorization": f"Bearer {HEADER_KEY}"})

    def node(state: State) -> State:
        question = f"{state['question']} {os.environ['SHOP_API_KEY']}"
        reply = model.invoke([("system", "Answer the question."), ("user", question)])
        if "ann1" in state["question"]:
            raise ValueError(f"cannot log in with {GRAPH_KEY} and sk-proj-abcdefghijklmnop1234")
        return {"answer": reply.text, "debug": {GRAPH_KEY: [f"Bearer {HEADER_KEY}"]}}

    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder.compile()


def bytes_of(folder: Path) -> str:
    """Every byte of every file, and what the ledger's compressed entries hold."""
    found = [file.read_bytes() for file in folder.rglob("*") if file.is_file()]
    with closing(sqlite3.connect(folder / "run.db")) as db:
        found += [zlib.decompress(body) for (body,) in db.execute("SELECT body FROM ledger")]
    return b"\n".join(found).decode("utf-8", "replace")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_API_KEY", ENVIRONMENT_KEY)


def search(url: str, run: Path, **options: Any) -> Any:
    return optimize(
        leaky(url),
        EXAMPLES,
        EXAMPLES,
        metric=lambda outputs: (0.0, f"wrong, says {outputs['answer']}"),
        reflection_lm=chat(url, REFLECTION_KEY),
        budget=Budget(iterations=2),
        run=run,
        options=RunnerOptions(**options),
    )


def test_marked_keys_are_nowhere(tmp_path: Path, capsys: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A graph that spreads its keys leaves none in the folder, on the terminal, in logs or in reflection prompts."""
    heard: list[str] = []

    def simulated(request: Any, _: Any) -> Answer:
        heard.append(request.user)
        return Answer(f"I was told {request.user}")

    with caplog.at_level(logging.INFO, "langgraph_gepa"), SimulatedServer({"simulated": simulated}) as server:
        search(server.base_url, tmp_path / "run")
    printed = capsys.readouterr()
    reflections = [text for text in heard if "Answer the question." in text]
    assert reflections
    places = [bytes_of(tmp_path / "run"), printed.out, printed.err, caplog.text, *reflections]
    for place in places:
        assert not [key for key in (*KEYS, "sk-proj-abcdefghijklmnop1234") if key in place]
    assert "cannot log in with <hidden> and <hidden>" in bytes_of(tmp_path / "run")


def test_an_exception_that_repeats_a_key_is_cleaned(tmp_path: Path) -> None:
    """A provider that answers with the key it was given: message, cause and traceback are without it."""

    def refuse(*_: Any) -> Answer:
        raise ApiError(401, f"Incorrect API key provided: {GRAPH_KEY}")

    with SimulatedServer({"simulated": refuse}) as server, pytest.raises(ModelError) as stopped:
        search(server.base_url, tmp_path / "run")
    report = "".join(traceback.format_exception(stopped.value))
    assert "Incorrect API key provided: <hidden>" in report
    assert GRAPH_KEY not in report


def test_what_a_mask_hides_is_neither_kept_nor_reflected_on(tmp_path: Path) -> None:
    """Addresses are gone from the folder, examples included, and from reflection prompts; the graph sees them."""
    heard: list[str] = []

    def simulated(request: Any, _: Any) -> Answer:
        heard.append(request.user)
        return Answer(f"I was told {request.user}")

    with SimulatedServer({"simulated": simulated}) as server:
        search(server.base_url, tmp_path / "run", mask=lambda text: re.sub(r"\w+@[\w.]+\w", "<email>", text))
        resumed = search(server.base_url, tmp_path / "run", mask=lambda text: re.sub(r"\w+@[\w.]+\w", "<email>", text))
    assert resumed.pool.spent.iterations == 2
    assert "example.com" not in bytes_of(tmp_path / "run")
    reflections = [text for text in heard if "Answer the question." in text]
    assert reflections
    assert not [text for text in reflections if "example.com" in text]
    assert any("ann0@example.com" in text for text in heard)


@pytest.mark.parametrize("mask", [lambda _: 1 / 0, lambda _: None])
def test_a_mask_that_fails_keeps_nothing(tmp_path: Path, mask: Any) -> None:
    """Better no run than an unmasked one."""
    with SimulatedServer({"simulated": lambda *_: Answer("x")}) as server, pytest.raises(UsageError, match="mask"):
        search(server.base_url, tmp_path / "run", mask=mask)


def test_keys_are_known_by_where_they_stand_and_by_their_looks() -> None:
    """Secret fields, headers, variables named like keys, and well-known shapes; ordinary words stay."""
    models = [chat("http://127.0.0.1:1", GRAPH_KEY, default_headers={"X-Api-Key": HEADER_KEY, "X-Team": "red-team-1"})]
    found = secrets_of(models, {"SHOP_TOKEN": ENVIRONMENT_KEY, "PATH": "/usr/bin/python", "API_KEY": "short"})
    assert found == {GRAPH_KEY, HEADER_KEY, ENVIRONMENT_KEY}
    hide = masking(found)
    assert hide(f"a {GRAPH_KEY}b") == "a <hidden>b"
    assert hide("Authorization: Bearer abc.def-123456") == "Authorization: Bearer <hidden>"
    assert hide("lsv2_pt_0123456789abcdef0123") == "<hidden>"
    for innocent in ("task-oriented-evaluation-of-things", "the bearer of news", "sk-", "short", "{question}"):
        assert hide(innocent) == innocent


def test_cleaning_reaches_every_error_of_a_chain() -> None:
    """Causes, contexts and groups."""
    inner = ValueError(f"no {GRAPH_KEY}")
    outer = RuntimeError(f"yes {GRAPH_KEY}", 7)
    outer.__cause__ = ExceptionGroup("all", [inner])
    clean(outer, masking([GRAPH_KEY]))
    assert (outer.args, inner.args) == (("yes <hidden>", 7), ("no <hidden>",))


def test_an_error_whose_message_cannot_be_set_is_cleaned_too() -> None:
    """Where the message is made of the arguments, those are masked, and cleaning hides no error behind its own."""
    error = jinja2.UndefinedError(f"no {GRAPH_KEY} here")
    clean(error, masking([GRAPH_KEY]))
    assert GRAPH_KEY not in f"{error.message} {error}"
