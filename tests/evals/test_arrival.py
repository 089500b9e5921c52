"""Whether the discovery benchmark sees that a text which is on does not arrive."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from langgraph_gepa.search.module import Module

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
