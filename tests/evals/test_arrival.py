"""Whether the discovery benchmark sees that a text which is on does not arrive."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from langgraph_gepa.core.module import Module

HERE = Path(__file__).resolve().parents[2]


class Runs:
    """A graph that sends the texts it is bound with, but of `frozen` ones the first; a mark in `router` ends it."""

    def __init__(self, modules: list[Module], frozen: set[str], unused: set[str]) -> None:
        self.own = {module.name: module.text for module in modules if module.name not in unused}
        self.frozen = frozen

    def calls(self, texts: dict[str, str], _: list[str]) -> list[str]:
        sent = {name: text if name in self.frozen else texts.get(name, text) for name, text in self.own.items()}
        if sent.get("router") != self.own.get("router"):
            sent = {"router": sent["router"]}
        return [json.dumps({"messages": [{"role": "system", "content": text}]}) for text in sent.values()]


@pytest.fixture
def arrival(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(HERE / "evals" / "bench"))
    return importlib.import_module("strangers.arrival")


def test_every_text_that_is_on_is_followed_to_the_model(arrival: Any) -> None:
    """One that is sent unmarked is lost, one that no run sends is not, and one mark does not hide another."""
    texts = {
        "router": "Choose one of the two teams for it.",
        "writer": "Write the answer to {question} in three short sentences.",
        "stale": "Describe the order that was placed by the customer.",
        "branch": "Apologise to the customer for the long delay.",
        "piece": "Choose one of the two",
    }
    modules = [Module(name, "prompt", text, "format") for name, text in texts.items()]
    found = SimpleNamespace(modules=modules, bind=lambda given: given)
    runs = Runs(modules, frozen={"stale"}, unused={"branch", "piece"})
    before = runs.calls({}, [])
    assert arrival.fates(found, modules, set(), before, runs) == {
        "router": "arrived",
        "writer": "arrived",
        "stale": "lost",
        "branch": "not sent",
        "piece": "unclear",
    }


def test_a_mark_does_not_change_what_the_simulated_model_says(arrival: Any) -> None:
    """A script's words are found among marks as without: a marked graph goes the way of the unmarked one."""
    assert arrival
    loopback = importlib.import_module("strangers.loopback")
    server = loopback.Loopback()
    server.start(loopback.Script(say={"Name the country": "Peru."}))
    for text in ("Name the country meant.", "Name ZQ0QZ the ZQ1QZ country meant."):
        said = server.reply({"messages": [{"role": "user", "content": text}]})
        assert said["choices"][0]["message"]["content"] == "Peru."


def test_what_stands_in_for_a_service_is_nobody_s_prompt(arrival: Any, tmp_path: Path) -> None:
    """A text written beside the labels is the benchmark's own, unless the labels are all there is of the project."""
    assert arrival
    labels = importlib.import_module("strangers.labels")
    page = Module(
        "search", "prompt", "A page.", "plain", file=str(labels.FOLDER / "agentic-rag" / "adapter.py"), line=22
    )
    assert labels.stands_in(page, tmp_path)
    assert not labels.stands_in(page, labels.FOLDER)
    assert not labels.stands_in(Module("agent", "prompt", "Help.", "plain", file="agent.py", line=1), tmp_path)


def test_a_text_joined_when_the_graph_was_built_is_every_label_s_that_it_says(arrival: Any, tmp_path: Path) -> None:
    """It takes effect in place of the parts it was made of, of which a change comes too late; a seen text does not."""
    assert arrival
    labels = importlib.import_module("strangers.labels")
    said = ["You answer letters to the editor.", "Delegate whenever another desk knows more."]
    (tmp_path / "desk.py").write_text(f"STYLE = {said[0]!r}\nHOW = {said[1]!r}\n")
    anchors = [labels.anchored(labels.Label("desk.py", at), tmp_path) for at in ("STYLE", "HOW")]
    part = Module("style", "prompt", said[0], file=str(tmp_path / "desk.py"), line=1, evidence="possible")
    whole = Module("agent", "prompt", "\n".join(said))
    found = labels.match(anchors, [part, whole], tmp_path)
    assert [found.found[index].name for index in (0, 1)] == ["agent", "agent"]
    assert [module.name for module in found.strange] == []
    seen = replace(whole, evidence="seen", note="replaced in the messages")
    assert labels.match(anchors[:1], [part, seen], tmp_path).found[0].name == "style"


@pytest.mark.parametrize("kind", ["tool", "prompt"])
def test_a_label_in_a_tool_s_role_is_what_the_tool_is_or_what_it_answers(
    kind: Any, arrival: Any, tmp_path: Path
) -> None:
    """Its description is a tool's text, its result a prompt that is off."""
    assert arrival
    labels = importlib.import_module("strangers.labels")
    (tmp_path / "desk.py").write_text("TEXT = 'Nothing was found on any of the shelves.'\n")
    anchor = labels.anchored(labels.Label("desk.py", "TEXT", role="tool"), tmp_path)
    module = Module("desk", kind, anchor.text, file=str(tmp_path / "desk.py"), line=1)
    assert labels.match([anchor], [module], tmp_path).found == {0: module}
