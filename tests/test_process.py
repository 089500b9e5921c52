"""Discovering, evaluating and optimising leave the process as it was."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import pytest
from langchain_core.globals import get_llm_cache
from langchain_core.language_models import FakeListChatModel
from langgraph.graph import START, StateGraph

from langgraph_gepa import Budget, Feedback, bind, discover, dry_run, evaluate, optimize

pytestmark = pytest.mark.filterwarnings("ignore:'asyncio.get_event_loop_policy' is deprecated:DeprecationWarning")

EXAMPLES = [{"inputs": {"question": f"question {n}"}} for n in range(6)]


class State(TypedDict, total=False):
    question: str
    answer: str


def node(state: State) -> State:
    """Draws, and leaves a filter behind as libraries do that ignore warnings in several threads at once."""
    warnings.simplefilter("ignore", ResourceWarning)
    model = FakeListChatModel(responses=[f"{random.random()} {np.random.random()}"])  # the global one
    return {"answer": model.invoke([("system", "Answer the customer in one word."), ("user", state["question"])]).text}


def metric(outputs: dict[str, Any]) -> Feedback:
    return Feedback(0.5, f"{outputs['answer']} is no word")


def searched(graph: Any, folder: Path) -> None:
    optimize(
        graph, EXAMPLES, EXAMPLES, metric=metric, reflection_lm=lambda _: "```\nOne word, please.\n```",
        budget=Budget(rollouts=30), run=folder / "run", progress=False,
    )  # fmt: skip


def bound(graph: Any, folder: Path) -> None:  # called as the others are
    bind(graph, {module.name: "Say one word." for module in discover(graph)})


USES: dict[str, Callable[[Any, Path], object]] = {
    "discover": lambda graph, _: discover(graph),
    "discover with examples": lambda graph, _: discover(graph, EXAMPLES),
    "bind": bound,
    "dry_run": lambda graph, _: dry_run(graph, EXAMPLES, metric=metric),
    "evaluate": lambda graph, _: evaluate(graph, EXAMPLES, metric=metric),
    "optimize": searched,
}


def snapshot() -> dict[str, Any]:
    loggers = [
        one for one in [logging.root, *logging.root.manager.loggerDict.values()] if isinstance(one, logging.Logger)
    ]
    return {
        "random": random.getstate(),
        "numpy": str(np.random.get_state()),
        "warnings filters": (id(warnings.filters), list(warnings.filters), warnings.showwarning),
        "environment": dict(os.environ),
        "sys.path": list(sys.path),
        "working directory": Path.cwd(),
        "signal handlers": [signal.getsignal(number) for number in sorted(signal.valid_signals())],
        "logging": {one.name: (one.level, list(one.handlers), list(one.filters), one.propagate) for one in loggers},
        "event loop policy": asyncio.get_event_loop_policy(),
        "hooks": (sys.excepthook, sys.displayhook, sys.unraisablehook, threading.excepthook),
        "streams": (sys.stdin, sys.stdout, sys.stderr),
        "limits": (sys.getrecursionlimit(), sys.getswitchinterval(), socket.getdefaulttimeout()),
        "model cache": get_llm_cache(),
    }


@pytest.mark.parametrize("use", USES)
def test_the_process_is_left_as_it_was(use: str, tmp_path: Path) -> None:
    """Nothing that belongs to the whole process differs afterwards, whatever the graph's nodes draw."""
    graph = StateGraph(State).add_node(node).add_edge(START, "node").compile()
    before = snapshot()
    USES[use](graph, tmp_path)
    after = snapshot()
    after["logging"] = {name: after["logging"][name] for name in before["logging"]}  # a first import makes loggers
    assert {name: after[name] for name in before if after[name] != before[name]} == {}
