"""Rollouts a second in one process and over 1, 2 and 4 LangGraph Servers (`langgraph dev` on loopback).

    python evals/bench/workers.py                      about ten minutes; needs the extra `server`
    python evals/bench/workers.py --servers 1 --waits 1.0

A rollout is one model call that waits and costs nothing, in an asynchronous node; so the rate is bounded by the
concurrency until the cores are full. Each server runs `--jobs` rollouts at once and the local evaluator as many; the
client has twice as many under way, so that a job that ends finds the next one in the queue, which the in-memory server
looks at only twice a second once it was empty. The servers, their in-memory queues and the client share this
machine's cores, so the table says where they are full: the column `processor` is all processor time, of servers and
client, by the wall's, where 1 is one core.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev_servers import DevServer, start, wait
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from langgraph_gepa.adapter.rollout.options import RunnerOptions
from langgraph_gepa.core.example import Example
from langgraph_gepa.engine.rollouts import Rollouts
from langgraph_gepa.runs import event_loop
from langgraph_gepa.runs.subject import AnyEvaluator, evaluator_of, subject_of

PROMPT = "Answer the question."
SERVED = """
from langgraph_gepa import serve
from workers import graph, good

rollouts = serve(graph({wait}), metric=good)
"""


class Waiting(BaseChatModel):
    """Answers after a while."""

    seconds: float

    @property
    def _llm_type(self) -> str:
        return "waiting"

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        raise NotImplementedError

    async def _agenerate(self, *_: Any, **__: Any) -> ChatResult:
        await asyncio.sleep(self.seconds)
        usage: Any = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
        return ChatResult(generations=[ChatGeneration(message=AIMessage("yes", usage_metadata=usage))])


class State(TypedDict, total=False):
    question: str
    answer: str


def graph(seconds: float) -> Any:
    model = Waiting(seconds=seconds)

    async def answer(state: State) -> State:
        return {"answer": (await model.ainvoke([("system", PROMPT), ("user", state["question"])])).text}

    return StateGraph(State).add_node("answer", answer).add_edge(START, "answer").compile()


def good(outputs: dict[str, Any]) -> float:
    return float(outputs["answer"] == "yes")


@dataclass(frozen=True, slots=True)
class Measured:
    rate: float
    processor: float


def measure(evaluator: AnyEvaluator, rollouts: int, concurrency: int, servers: Sequence[DevServer]) -> Measured:
    """Runs so many rollouts, after a few that make the connections."""
    texts = {module.name: module.text for module in evaluator.modules}

    async def run(count: int) -> None:
        runs = [(texts, Example(f"e{n}", {"question": f"What is {n}?"})) for n in range(count)]
        scores = await Rollouts(evaluator, concurrency=concurrency).run_all(runs)
        if not all(rollout.score == 1.0 for rollout in scores):
            raise RuntimeError("a rollout failed")

    event_loop.run(lambda _: run(concurrency))
    busy, began = _processor(servers), time.perf_counter()
    event_loop.run(lambda _: run(rollouts))
    seconds = time.perf_counter() - began
    return Measured(rollouts / seconds, (_processor(servers) - busy) / seconds)


def _processor(servers: Sequence[DevServer]) -> float:
    """Processor seconds so far of this process and of the servers' (Linux)."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    ticks = 0
    for server in servers:
        fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return own.ru_utime + own.ru_stime + ticks / os.sysconf("SC_CLK_TCK")


def bench(seconds: float, counts: Sequence[int], jobs: int, rollouts: int, folder: Path) -> None:
    options = RunnerOptions()
    local = evaluator_of(subject_of(graph(seconds), (), options), good, ["prompt"], options, str)
    alone = measure(local, rollouts, jobs, ())
    print(f"{seconds:4} s  local                {alone.rate:6.1f} a second{alone.processor:18.2f}", flush=True)
    with ExitStack() as stack:
        servers: list[DevServer] = []
        for number in counts:
            while len(servers) < number:
                name = f"{seconds}-{len(servers)}"
                servers.append(start(folder / name, SERVED.format(wait=seconds), jobs=jobs))
                stack.callback(servers[-1].kill)
            for server in servers:
                wait(server)
            subject = subject_of(graph(seconds), [server.url for server in servers], options)
            remote = evaluator_of(subject, good, ["prompt"], options, str)
            found = measure(remote, rollouts * number, 2 * jobs * number, servers)
            of_local = found.rate / (alone.rate * number)
            print(
                f"{seconds:4} s  {number} x {jobs:3} jobs        {found.rate:6.1f} a second{found.processor:18.2f}"
                f"{of_local:18.0%} of local per server",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", nargs="*", type=int, default=(1, 2, 4))
    parser.add_argument("--waits", nargs="*", type=float, default=(1.0, 0.1), help="seconds of a model call")
    parser.add_argument("--jobs", type=int, default=8, help="rollouts at once, of each server and of the local run")
    parser.add_argument("--rollouts", type=int, default=160, help="for each server")
    asked = parser.parse_args()
    print(f"{os.cpu_count()} cores                  rollouts{'processor':>25}")
    with tempfile.TemporaryDirectory(prefix="workers-") as folder:
        for seconds in asked.waits:
            bench(seconds, asked.servers, asked.jobs, asked.rollouts, Path(folder))


if __name__ == "__main__":
    main()
