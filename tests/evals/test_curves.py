"""The curves that the benchmark of searches keeps between its runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import pytest

pytest.importorskip("gepa", reason="the other side needs the gepa extra")


@pytest.fixture
def search(bench: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script, with workers that are this process and searches that take no time."""

    class Here:
        def __init__(self, workers: int) -> None:
            self.map = map

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *error: object) -> None:
            pass

    script = bench("search")
    monkeypatch.setattr(script, "ProcessPoolExecutor", Here)
    return script


def measured(search: Any, searches: dict[str, float], seeds: int, rollouts: int, keep: Path | None) -> Any:
    """The final gains by search, and which searches were run."""
    ran: list[str] = []

    def stand_in(name: str, gain: float) -> Any:
        def run(world: Any, rollouts: int) -> Any:
            ran.append(f"{name} {world.seed}")
            return [(rollouts, 1, gain + world.seed)]

        return run

    search.SEARCHES.update({name: stand_in(name, gain) for name, gain in searches.items()})
    found = search.measured(search.BLIND[:1], list(searches), seeds, rollouts, 1, keep)["late error"]
    return {name: [curve[-1][2] for curve in curves] for name, curves in found.items()}, ran


def test_a_kept_baseline_is_not_measured_again_and_ours_is(search: Any, tmp_path: Path) -> None:
    """Our code changes between two runs, theirs does not."""
    keep = tmp_path / "curves.json"
    measured(search, {"gepa defaults": 1.0, "ours, racing": 1.0}, 2, 100, keep)
    gains, ran = measured(search, {"gepa defaults": 5.0, "ours, racing": 5.0}, 3, 100, keep)
    assert gains == {"gepa defaults": [1.0, 2.0, 7.0], "ours, racing": [5.0, 6.0, 7.0]}
    assert ran == ["gepa defaults 2", "ours, racing 0", "ours, racing 1", "ours, racing 2"]


def test_a_curve_of_another_budget_or_version_is_another(
    search: Any, bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what the same command would measure again is read."""
    keep = tmp_path / "curves.json"
    measured(search, {"gepa defaults": 1.0}, 1, 100, keep)
    assert measured(search, {"gepa defaults": 2.0}, 1, 200, keep)[1] == ["gepa defaults 0"]
    assert measured(search, {"gepa defaults": 3.0}, 1, 100, keep)[1] == []
    monkeypatch.setattr(bench("curves"), "version", lambda name: "another")
    assert measured(search, {"gepa defaults": 4.0}, 1, 100, keep)[0] == {"gepa defaults": [4.0]}


def test_what_finished_before_a_failure_is_kept(search: Any, tmp_path: Path) -> None:
    """Each curve is written as its search ends, and a kept curve is what was measured."""
    keep = tmp_path / "curves.json"
    search.SEARCHES["gepa defaults"] = lambda world, rollouts: [(25, 0, 0.1), (rollouts, 3, 1 / (1 - world.seed))]
    with pytest.raises(ZeroDivisionError):
        search.measured(search.BLIND[:1], ["gepa defaults"], 2, 100, 1, keep)
    assert search.read_curves(keep) == {("late error", "gepa defaults", 0, 100): [(25, 0, 0.1), (100, 3, 1.0)]}
