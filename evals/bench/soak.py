"""A long run against a faulty model: nothing lost, nothing mis-scored, exact accounts at the end.

    python evals/bench/soak.py                  half an hour
    python evals/bench/soak.py --seconds 300

Of all requests 2 % are refused (429), 1 % fail (500), 0.5 % hang until the client gives up and 0.5 %
are cut off. What an answer must be depends on the request alone, so every score can be checked
against the one a faultless model would have led to. Prints what it counted and exits with 1 when
anything is lost, mis-scored or miscounted.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from typing import Any

import accounts
import killed
from langchain_openai import ChatOpenAI

from langgraph_gepa.api import optimize
from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.candidate import texts_key
from langgraph_gepa.core.events import CandidateAdmitted, Charged, IterationFinished, RolloutFinished
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.demo.server import Answer, ApiError, Request, SimulatedServer
from langgraph_gepa.engine.codec import load
from langgraph_gepa.runs.result import Result
from langgraph_gepa.store.folder import DATABASE, open_run

FAULTS = {"refused": 0.02, "failed": 0.01, "hung": 0.005, "cut": 0.005}
PATIENCE = 3.0
"""Seconds after which the client gives up on a request."""

TRAIN = [{"inputs": {"question": f"What is {n} and {n}?"}} for n in range(40)]
VAL = [{"inputs": {"question": f"What is {n} times {n}?"}} for n in range(30)]


class FaultyServer(SimulatedServer):
    """Fails at random before it answers, so what it counts is what it has answered."""

    def __init__(self, latency: float, seed: int) -> None:
        super().__init__({"simulated": accounts.simulated, "reflector": accounts.reflector}, latency=latency)
        self.faults: Counter[str] = Counter()
        self._rng = Random(seed)
        self._drawing = threading.Lock()
        self._http.handle_error = lambda *_: None  # type: ignore[method-assign]  # cut connections are no news

    def answer(self, request: Request) -> Answer:
        with self._drawing:
            (fault,) = self._rng.choices([*FAULTS, ""], [*FAULTS.values(), 1 - sum(FAULTS.values())])
            self.faults[fault or "answered"] += 1
        if fault == "refused":
            raise ApiError(429, "slow down")
        if fault == "failed":
            raise ApiError(500, "something went wrong")
        if fault == "hung":
            time.sleep(PATIENCE + 1)
        if fault:
            raise ConnectionAbortedError
        return super().answer(request)


def expected(texts: dict[str, str], names: tuple[str, str], question: str) -> float:
    """The score a faultless model leads to."""
    plan = _said(texts[names[0]], question)
    return killed.luck({"answer": _said(texts[names[1]], f"{question}\n{plan}")})[0]


def _said(system: str, user: str) -> str:
    messages = ({"content": system, "role": "system"}, {"content": user, "role": "user"})
    request = Request("simulated", messages)
    return accounts.simulated(request, Random(f"0:{request.digest}")).text


def soak(seconds: float, latency: float, seed: int, folder: Path) -> dict[str, Any]:
    with FaultyServer(latency, seed) as server:
        settings: dict[str, Any] = {"max_retries": 0, "timeout": PATIENCE}
        reflector = ChatOpenAI(model="reflector", base_url=server.base_url, api_key="none", **settings)
        # Stopped gently, as by Ctrl-C: a budget of seconds would cut off calls that the server answers and counts.
        stop = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
        stop.daemon = True
        stop.start()
        with suppress(KeyboardInterrupt):
            optimize(
                killed.graph(server.base_url, **settings), TRAIN, VAL, metric=killed.luck,
                reflection_lm=reflector, budget=Budget(iterations=10**9), run=folder,
                concurrency=8, in_flight=3, progress=False,
            )  # fmt: skip
        return tally(folder, server)


def tally(folder: Path, server: FaultyServer) -> dict[str, Any]:
    began = time.perf_counter()
    result = Result.open(folder)
    opened = time.perf_counter() - began
    events = [event for _, event in result.saved.events]
    done = [event for event in events if isinstance(event, RolloutFinished)]
    lost, wrong = 0, 0
    texts = {texts_key(c.texts): dict(c.texts) for c in result.pool.candidates}
    names = tuple(result.pool.modules)
    with closing(open_run(folder, create=False, read_only=True)) as store:
        notes = len(store.notes())
        sets = result.saved.config.examples
        questions = {example.id: example.inputs["question"] for example in (*sets.feedback, *sets.pareto)}
        for event in done:
            paid = store.paid(event.ledger)
            lost += paid is None
            rollout = load(Rollout, paid) if paid else None
            right = rollout is not None and rollout.error is None and rollout.score == event.score
            if event.texts in texts and right:
                right = event.score == expected(texts[event.texts], (names[0], names[1]), questions[event.example])
            wrong += not right
    spent = result.pool.spent
    return {
        "rollouts": len(done),
        "scores checked against a faultless model": sum(e.texts in texts for e in done),
        "reflections": spent.reflections,
        "iterations": sum(isinstance(e, IterationFinished) for e in events),
        "candidates": sum(isinstance(e, CandidateAdmitted) for e in events),
        "requests": dict(server.faults),
        "tokens by the server": server.tokens,
        "tokens by the run": spent.usage.tokens,
        "of these charged for cut rollouts": spent.lost.tokens,
        "charges": sum(isinstance(e, Charged) for e in events),
        "open notes": notes,
        "repeated": len(done) - len({e.ledger for e in done}),
        "lost": lost,
        "mis-scored": wrong,
        "database, kB a rollout": round((folder / DATABASE).stat().st_size / 1024 / max(1, len(done)), 2),
        "opened in seconds": round(opened, 3),
        "most memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1800.0)
    parser.add_argument("--latency", type=float, default=0.1, help="seconds an answer takes")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        found = soak(arguments.seconds, arguments.latency, arguments.seed, Path(folder) / "run")
    print(json.dumps(found, indent=2))
    exact = found["tokens by the server"] == found["tokens by the run"]
    sys.exit(0 if exact and not (found["lost"] + found["mis-scored"] + found["repeated"] + found["open notes"]) else 1)


if __name__ == "__main__":
    main()
