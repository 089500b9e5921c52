"""The benchmark of waiting: its clock, its graph and its tables."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

pytest.importorskip("gepa", reason="the other side needs the gepa extra")


def test_an_hour_of_waiting_takes_no_time_and_counts_an_hour(bench: Any) -> None:
    """Waits are jumped over together, in their order; what runs in a thread is waited for."""
    woke: list[str] = []

    async def sleep(hours: int) -> None:
        await asyncio.sleep(3600 * hours)
        woke.append(f"{hours} h")

    def think() -> None:
        woke.append(f"{sum(range(1_000_000)):.0e}")

    async def work() -> float:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await asyncio.gather(sleep(2), sleep(1))
        waited = loop.time() - begun
        await asyncio.gather(sleep(3), asyncio.to_thread(think))
        return waited

    begun = time.monotonic()
    with asyncio.Runner(loop_factory=bench("clock").JumpingLoop) as runner:
        waited = runner.run(work())
    assert 7200 <= waited < 7260
    assert time.monotonic() - begun < 60
    assert woke == ["1 h", "2 h", "5e+11", "3 h"]


def test_the_graph_scores_as_its_world_does(bench: Any) -> None:
    """The texts reach the models of the graph: gepa decides the same with it as where the world scores by itself."""
    waiting = bench("waiting")
    job = waiting.Job("additive", "gepa defaults", seed=1, rollouts=130)
    graph, alone = waiting.run_one(job), waiting.run_one(job._replace(graph=False))
    assert [spent for _, spent, _ in graph.gains] == [spent for _, spent, _ in alone.gains]
    assert [gain for *_, gain in graph.gains] == [gain for *_, gain in alone.gains]
    assert graph.gains[-1][2] > 0
    assert 0 < graph.busy <= job.concurrency


def test_ours_keeps_to_its_slots_and_budget(bench: Any) -> None:
    """More in flight wait less; no more rollouts run than there are slots, and none beyond the budget."""
    waiting = bench("waiting")
    job = waiting.Job("additive", "ours, racing", seed=1, rollouts=150, concurrency=6, graph=False)
    alone, eight = waiting.run_one(job), waiting.run_one(job._replace(in_flight=8))
    assert eight.minutes < alone.minutes
    assert alone.busy < eight.busy <= 6
    assert max(alone.rollouts, eight.rollouts) <= 150


def test_the_table_says_when_the_mean_is_there(bench: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A wait ends when the mean over seeds has the gain of gepa's defaults; the ratio is theirs to ours."""
    waits = bench("waits")

    def run(*gains: tuple[float, int, float]) -> Any:
        return waits.Run(gains, minutes=20.0, rollouts=750, reflections=9, busy=8.0, busy_before_end=9.0, cpu=0.01)

    theirs = waits.Job("w", waits.DEFAULTS, 0, 750)
    ours = waits.Job("w", "ours, racing", 0, 750, in_flight=8)
    runs = {
        theirs: run((0.0, 0, 0.0), (10.0, 400, 0.5)),
        theirs._replace(seed=1): run((0.0, 0, 0.0), (12.0, 400, 0.7)),
        ours: run((2.0, 100, 0.9)),
        ours._replace(seed=1): run((1.0, 100, 0.1), (3.0, 200, 0.3)),
    }
    waits.report(runs)
    table = capsys.readouterr().out
    (line,) = [line for line in table.splitlines() if line.startswith("ours") and "x" in line]
    assert line.split()[-2:] == ["3.0", "4.0x"]


def test_who_never_gains_is_waited_for_all_the_same(bench: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A target that the seed meets already, and one that is never met, have their lines too."""
    waits = bench("waits")
    run = waits.Run(((0.0, 0, 0.0),), minutes=9.0, rollouts=60, reflections=1, busy=1.0, busy_before_end=1.0, cpu=0.0)
    better = run._replace(gains=((0.0, 0, 0.0), (5.0, 50, 0.4)))
    defaults = waits.Job("w", waits.DEFAULTS, 0, 60)
    waits.report({defaults: run, defaults._replace(search="gepa all, 10"): better})
    table = capsys.readouterr().out
    assert "0.1    1.0x" in table
    assert "not in the budget" in table
