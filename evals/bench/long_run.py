"""A run of 20,000 rollouts on 1,000 examples: memory, growth of the database, time to open it.

    python evals/bench/long_run.py
    python evals/bench/long_run.py --rollouts 4000 --examples 200 --search racing

Rollouts take no time and hold five model calls of 800 characters each; all else is real: the loop, the
ledger, the store on disk. Prints a line at every tenth of the run, then what it takes to open it.
"""

# ruff: noqa: ARG002 - fakes of ports
from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.candidate import texts_key
from langgraph_gepa.core.events import Event
from langgraph_gepa.core.example import Example, digest
from langgraph_gepa.core.module import Module, Texts
from langgraph_gepa.core.rollout import Call, Feedback, Rollout, Usage
from langgraph_gepa.engine.codec import dump
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.optimizer import Examples, Optimizer
from langgraph_gepa.engine.ports import Reply
from langgraph_gepa.engine.proposing import Reflector
from langgraph_gepa.runs.arguments import rules_of
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.store.folder import DATABASE, open_run

MODULES = tuple(Module(f"m{n}", "prompt", f"Seed text {n}.", nodes=(f"m{n}",)) for n in range(3))


class Evaluator:
    """Scores by luck: each text is good or bad on each example for good; later ones are better on average."""

    modules = MODULES
    fingerprint = "long run"

    def check(self, module: str, text: str) -> str | None:
        return None

    async def evaluate(self, texts: Texts, example: Example) -> Rollout:
        await asyncio.sleep(0)
        key = texts_key(texts)
        rng = Random(f"{key} {example.id}")
        score = float(rng.random() < 0.3 + 0.4 * Random(key).random())
        words = " ".join(f"{rng.random():.6f}" for _ in range(88))
        asked, said = [{"role": "user", "content": words}], {"role": "assistant", "content": "word"}
        usage = Usage(200, 20, 0.0001)
        calls = tuple(
            Call("model", node, "simulated", asked, said, usage=usage, modules=(node,))
            for node in ("m0", "m1", "m2", "m0", "m1")
        )
        return Rollout(example.id, {"answer": words[:40]}, Feedback(score, "right" if score else "wrong"), calls,
                       Usage(1000, 100, 0.0005), 1.0)  # fmt: skip


class Model:
    async def complete(self, prompt: str) -> Reply:
        await asyncio.sleep(0)
        return Reply(f"```\nLearned {digest(prompt)}.\n```", Usage(3000, 300, 0.01), 1.0)


def memory() -> float:
    """MB of this process now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


class Watch:
    """An observer that prints a line at every tenth of the run."""

    def __init__(self, folder: Path, rollouts: int) -> None:
        self.folder, self.step, self.next = folder, rollouts // 10, rollouts // 10
        self.began = time.perf_counter()
        self.lines: list[tuple[int, float, float]] = []

    def __call__(self, event: Event, pool: Pool, at: float) -> None:
        if pool.spent.rollouts >= self.next:
            self.next += self.step
            size = sum(file.stat().st_size for file in self.folder.glob(f"{DATABASE}*")) / 1e6
            self.lines.append((pool.spent.rollouts, memory(), size))
            seconds = time.perf_counter() - self.began
            print(f"{pool.spent.rollouts:>7,} rollouts {len(pool.candidates):>5} candidates {memory():>8.0f} MB memory "
                  f"{size:>8.1f} MB on disk {seconds:>7.0f} s", flush=True)  # fmt: skip


def run(folder: Path, rollouts: int, examples: int, search: str) -> None:
    data = [Example(f"e{n}", {"question": f"question {n}"}) for n in range(examples)]
    store = open_run(folder, create=True)
    with closing(store):
        evaluator, watch = Evaluator(), Watch(folder, rollouts)
        ledger = Ledger(evaluator, Model(), store, observers=(watch,), concurrency=16)
        optimizer = Optimizer(
            ledger, Reflector(ledger, evaluator), MODULES, Examples(data, data), Budget(rollouts=rollouts),
            rules_of(search), in_flight=5,
        )  # fmt: skip
        asyncio.run(optimizer.run())
    first, last = watch.lines[0], watch.lines[-1]
    done = (last[0] - first[0]) / 1000
    whole = dump(asyncio.run(evaluator.evaluate({"m0": "x"}, data[0])))
    print(f"a rollout of {len(whole) / 1000:.1f} kB of JSON takes {(last[2] - first[2]) / done:.2f} kB of disk "
          f"and leaves {(last[1] - first[1]) / done:.2f} kB in memory")  # fmt: skip


def opened(folder: Path) -> dict[str, Any]:
    began = time.perf_counter()
    with closing(open_run(folder, create=False, read_only=True)) as store:
        pool = Pool.replay(event for _, event in store.events())
    return {"opened in seconds": round(time.perf_counter() - began, 2), "rollouts": pool.spent.rollouts}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rollouts", type=int, default=20_000)
    parser.add_argument("--examples", type=int, default=1_000)
    parser.add_argument("--search", default="gepa")
    parser.add_argument("--keep", type=Path, help="leave the run in this folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="long-") as place:
        folder = arguments.keep or Path(place) / "run"
        run(folder, arguments.rollouts, arguments.examples, arguments.search)
        print(opened(folder))


if __name__ == "__main__":
    main()
