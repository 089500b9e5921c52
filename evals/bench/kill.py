"""kill -9 at random moments: what was paid for is neither lost nor paid for again.

    python evals/bench/kill.py --kills 50

A process optimises a real graph whose models are ChatOpenAI over HTTP; the simulated server lives
in this process and counts what it answers. The process is killed and started again until the run is
done, then another run begins, until there were enough kills. After each kill the run's accounts must
be the server's, but for the one call that may have been under way; at the end the run must be the one
that nobody interrupted. Prints a table and exits with 1 when any of that does not hold.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import asdict, dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from typing import Any, TypedDict

from langchain_openai import ChatOpenAI
from langgraph.graph import START, StateGraph

from langgraph_gepa.api import discover, optimize
from langgraph_gepa.demo.server import Answer, Request, SimulatedServer
from langgraph_gepa.search.budget import Budget
from langgraph_gepa.search.events import (
    CandidateAdmitted,
    Charged,
    Event,
    IterationFinished,
    ReflectionFinished,
    RolloutFinished,
)
from langgraph_gepa.search.example import digest
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.store.folder import DATABASE, open_run

TRAIN = [{"inputs": {"question": f"What is {n} and {n}?"}} for n in range(8)]
VAL = [{"inputs": {"question": f"What is {n} times {n}?"}} for n in range(6)]
PLANNER = "Make a plan for the question. Keep it short."
WRITER = "Answer the question by the plan. Say only the answer."


class State(TypedDict, total=False):
    question: str
    plan: str
    answer: str


def graph(url: str, **settings: Any) -> Any:
    """A synchronous and an asynchronous node with a model call each."""
    model = ChatOpenAI(model="simulated", base_url=url, api_key="none", **settings)

    def plan(state: State) -> State:
        return {"plan": model.invoke([("system", PLANNER), ("user", state["question"])]).text}

    async def write(state: State) -> State:
        said = f"{state['question']}\n{state['plan']}"
        return {"answer": (await model.ainvoke([("system", WRITER), ("user", said)])).text}

    builder = StateGraph(State)
    builder.add_node("plan", plan)
    builder.add_node("write", write)
    builder.add_edge(START, "plan")
    builder.add_edge("plan", "write")
    return builder.compile()


def luck(outputs: dict[str, Any]) -> tuple[float, str]:
    """Each answer is good or bad for good; which, nobody can tell from the prompt."""
    score = int(digest(outputs["answer"]), 16) % 5 / 4
    return score, f"worth {score}"


def life(folder: str, url: str, iterations: int) -> None:
    """What the killed process does: the same call every time."""
    optimize(
        graph(url), TRAIN, VAL, metric=luck, reflection_lm=ChatOpenAI(model="reflector", base_url=url, api_key="none"),
        budget=Budget(iterations=iterations), run=folder, concurrency=1, in_flight=1, progress=False,
    )  # fmt: skip


class CountingServer(SimulatedServer):
    """Lists the requests it has answered with their tokens, in order."""

    def __init__(self, latency: float) -> None:
        super().__init__({"simulated": _simulated, "reflector": _reflector}, latency=latency)
        self.log: list[tuple[str, int]] = []
        self.under_way = 0

    def answer(self, request: Request) -> Answer:
        self.under_way += 1
        try:
            before = self.tokens
            answer = super().answer(request)
            self.log.append((f"{request.model} {request.digest}", self.tokens - before))
            return answer
        finally:
            self.under_way -= 1


def _simulated(request: Request, rng: Random) -> Answer:
    return Answer(" ".join(["word"] * rng.randint(1, 40) + [request.digest]))


def _reflector(request: Request, _: Random) -> Answer:
    return Answer(f"```\nLearned {request.digest}.\n```")


@dataclass
class Tally:
    """What was found. Everything but the first five must be 0."""

    kills: int = 0
    runs: int = 0
    rollouts: int = 0
    cut_rollouts_charged: int = 0
    cut_calls: int = 0
    repeated_rollouts: int = 0
    repeated_reflections: int = 0
    wrong_accounts: int = 0
    different_runs: int = 0
    moments: list[float] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.repeated_rollouts + self.repeated_reflections + self.wrong_accounts + self.different_runs)


class Bench:
    def __init__(self, server: CountingServer, kills: int, iterations: int, seed: int, folder: Path) -> None:
        self.server = server
        self.iterations = iterations
        self.kills = kills
        self.folder = folder
        self.rng = Random(seed)
        self.processes = multiprocessing.get_context("forkserver")
        os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)  # the fork server must find this very file
        self.processes.set_forkserver_preload([Path(__file__).stem])
        self.tally = Tally()

    def run(self) -> Tally:
        self._alive(self.folder / "warm").join()  # the fork server imports everything once
        whole = self.folder / "whole"
        began = time.perf_counter()
        self._alive(whole).join()
        lasted = time.perf_counter() - began
        print(f"uninterrupted: {lasted:.1f} s", file=sys.stderr)
        expected = outcome(whole)
        while self.tally.kills < self.kills:
            self._killed_until_done(self.folder / f"run-{self.tally.runs}", lasted / 4)
            self.tally.runs += 1
            self.tally.different_runs += outcome(self.folder / f"run-{self.tally.runs - 1}") != expected
        return self.tally

    def _alive(self, folder: Path) -> BaseProcess:
        process = self.processes.Process(target=life, args=(str(folder), self.server.base_url, self.iterations))
        process.start()
        return process

    def _killed_until_done(self, folder: Path, longest: float) -> None:
        self.server.log.clear()
        last_requests: Counter[str] = Counter()
        missing, ended = 0, False
        while not ended:
            process = self._alive(folder)
            moment = self._wait(process, longest)
            ended = process.exitcode is not None
            if not ended:
                process.kill()
                process.join()
                self.tally.kills += 1
                self.tally.moments.append(moment)
            elif process.exitcode:
                raise RuntimeError(f"the run failed (exit {process.exitcode})")
            self._settle()
            name, tokens = self.server.log[-1] if self.server.log else ("", 0)
            short = sum(tokens for _, tokens in self.server.log) - accounted(folder) - missing
            self.tally.wrong_accounts += short not in ((0,) if ended else (0, tokens))
            self.tally.cut_calls += short > 0
            if not ended:
                last_requests[name] += 1
            missing += short
        self._check(folder, last_requests)

    def _wait(self, process: BaseProcess, longest: float) -> float:
        """Until the process ends or its moment has come: one in five while it may still be starting."""
        began, asked = time.perf_counter(), len(self.server.log)
        if self.tally.kills >= self.kills:
            process.join()
        elif self.rng.random() > 0.2:
            while len(self.server.log) == asked and process.exitcode is None:
                process.join(0.005)
        if process.exitcode is None:
            process.join(self.rng.uniform(0, longest))
        return time.perf_counter() - began

    def _settle(self) -> None:
        """Until the server has nothing left from the dead process."""
        quiet = 0
        while quiet < 5:
            time.sleep(0.01)
            quiet = 0 if self.server.under_way else quiet + 1

    def _check(self, folder: Path, last_requests: Counter[str]) -> None:
        events = journal(folder)
        rollouts = [e.ledger for e in events if isinstance(e, RolloutFinished)]
        replies = [e.ledger for e in events if isinstance(e, ReflectionFinished)]
        asked = Counter(name for name, _ in self.server.log if name.startswith("reflector"))
        self.tally.rollouts += len(rollouts)
        self.tally.cut_rollouts_charged += sum(isinstance(e, Charged) for e in events)
        self.tally.repeated_rollouts += len(rollouts) - len(set(rollouts))
        # Asked twice is right only for a question that a kill left without its answer.
        self.tally.repeated_reflections += len(replies) - len(set(replies))
        self.tally.repeated_reflections += sum(max(0, times - 1 - last_requests[name]) for name, times in asked.items())


def journal(folder: Path) -> list[Event]:
    if not (folder / DATABASE).exists():
        return []
    with closing(open_run(folder, create=False, read_only=True)) as store:
        return [event for _, event in store.events()]


def accounted(folder: Path) -> int:
    """The tokens the run knows of: what was paid, what was charged, and what a resume will charge."""
    if not (folder / DATABASE).exists() or not (folder / DATABASE).stat().st_size:
        return 0
    with closing(open_run(folder, create=False, read_only=True)) as store:
        spent = Pool.replay(event for _, event in store.events()).spent.usage
        return sum(store.notes().values(), spent).tokens


def outcome(folder: Path) -> list[Any]:
    """What a run found and how: all but what was charged."""
    events = journal(folder)
    scores = sorted(
        (e.iteration, e.texts, e.example, e.subset, e.score) for e in events if isinstance(e, RolloutFinished)
    )
    return [[e for e in events if isinstance(e, CandidateAdmitted | IterationFinished)], scores]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--iterations", type=int, default=12, help="of each run")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.005, help="seconds the simulated model takes to answer")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kill-") as folder, CountingServer(arguments.latency) as server:
        tally = Bench(server, arguments.kills, arguments.iterations, arguments.seed, Path(folder)).run()
    moments = tally.moments
    print(json.dumps(asdict(tally) | {"moments": f"{min(moments):.3f} to {max(moments):.3f} s into the process"}))
    sys.exit(0 if tally.clean else 1)


if __name__ == "__main__":
    main()
else:
    discover(graph("http://127.0.0.1:1/v1"))  # in the fork server: every process it forks starts warm
