"""The demo over several seeds: held-out score before and after. The model is simulated.

    python evals/bench/demo.py [--seeds 5] [--rollouts 600] [--search racing] [--in-flight 1]

Each seed is a world of its own: other answers of the simulated model and another order of the search.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from time import perf_counter

from langgraph_gepa import Budget, Result, optimize
from langgraph_gepa.demo.stage import helpdesk_demo
from langgraph_gepa.report.intervals import Interval, estimate


def demo(seed: int, rollouts: int, search: str, in_flight: int, folder: Path) -> Result:
    with helpdesk_demo(seed=seed) as desk:
        return optimize(
            desk.graph,
            desk.trainset,
            desk.valset,
            testset=desk.testset,
            metric=desk.metric,
            reflection_lm=desk.reflection_lm,
            budget=Budget(rollouts=rollouts),
            run=folder,
            search=search,
            seed=seed,
            in_flight=in_flight,
            progress=False,
        )


def said(interval: Interval | None) -> str:
    return f"{interval.mean:+.3f}  [{interval.low:+.3f}, {interval.high:+.3f}]" if interval else "none"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rollouts", type=int, default=600)
    parser.add_argument("--search", default="racing")
    parser.add_argument("--in-flight", type=int, default=1)
    asked = parser.parse_args()
    gains: list[float] = []
    print(f"simulated model, search={asked.search}, {asked.rollouts} rollouts, in flight {asked.in_flight}")
    print("seed  first draft   best  change on 24 held-out tickets  seconds")
    for seed in range(asked.seeds):
        with tempfile.TemporaryDirectory() as folder:
            began = perf_counter()
            view = demo(seed, asked.rollouts, asked.search, asked.in_flight, Path(folder, "run")).view
            took = perf_counter() - began
        before, after, change = view.seed.test, view.best.test, view.test.difference
        gains.append(change.mean)
        print(f"{seed:4}  {before.mean:11.3f}  {after.mean:.3f}  {said(change):29}  {took:7.1f}")
    print(f"mean change over seeds: {said(estimate(gains))}")


if __name__ == "__main__":
    main()
