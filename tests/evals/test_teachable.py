"""The simulated models of the whole job's benchmark: what is learned can only have come by way of the prompt."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from langgraph_gepa.core.module import Module
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.reflection.prompt import reflection_prompt
from langgraph_gepa.reflection.records import Record
from langgraph_gepa.reflection.reply_parser import parse_reply

HERE = Path(__file__).resolve().parents[2]
ASKED = "Answer {question}.\n\nSay the word amber backwards."
FORM = {"properties": {"answer": {"type": "string"}, "count": {"type": "integer"}}}


@pytest.fixture
def teachable(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(HERE / "evals" / "bench"))
    return importlib.import_module("strangers.teachable")


def answer(server: Any, text: str, **more: Any) -> Any:
    reply = server.reply({"messages": [{"role": "system", "content": text}], **more})
    return reply["choices"][0]["message"]


def test_a_model_says_a_word_where_its_request_asks_for_it(teachable: Any) -> None:
    """It says nothing unasked, and a prompt that a graph keeps in its state is no answer."""
    server = teachable.Obedient()
    assert answer(server, "Answer.")["content"] == "Simulated answer."
    assert answer(server, ASKED)["content"] == "Simulated answer. rebma"
    assert teachable.metric({"messages": [answer(server, ASKED)]}).score == 0.25
    assert teachable.metric({"messages": [ASKED]}).score == 0
    form = {"type": "json_schema", "json_schema": {"name": "form", "schema": {"type": "object", **FORM}}}
    filled = json.loads(answer(server, ASKED, response_format=form)["content"])
    assert filled == {"answer": "simulated answer rebma", "count": 1}
    assert server.answered == 4


def test_a_reflection_writes_the_missing_word_and_loses_a_placeholder_now_and_then(teachable: Any) -> None:
    """It knows of the word by the feedback in its prompt alone."""
    module = Module("writer", "prompt", "Answer {question}.", "format", ("question",))
    rollout = Rollout("e", {}, teachable.metric({}))
    prompt = reflection_prompt(module, module.text, [Record({"question": "why"}, rollout)])
    reflect = teachable.Reflector()
    texts = [parse_reply(reflect(prompt), module.text).text for _ in range(3)]
    assert texts == [ASKED, ASKED, ASKED.replace("{question}", "")]
