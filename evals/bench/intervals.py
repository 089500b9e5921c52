"""How often the 95 % intervals of the report hold the truth, on simulated scores of 5 to 50 examples.

    python evals/bench/intervals.py                 a minute
    python evals/bench/intervals.py --bootstrap     beside each the percentile bootstrap

A cell is the share of samples, in percent, whose interval holds the true mean (change). With marks, scores of 0 or 1,
a share can jump: of eight pairs of which most are ties there are only a handful of different samples.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Sequence
from random import Random

from langgraph_gepa.report.intervals import Interval, difference, estimate

SIZES = (5, 6, 8, 10, 12, 16, 20, 30, 50)
MANY = 200_000
"""Draws for a true mean."""

Pair = Callable[[Random], tuple[float, float]]
Draw = Callable[[Random], float]


def marks(better: float, worse: float) -> Pair:
    """Right or wrong: a share of the examples gets better, another worse, the rest stays."""

    def draw(rng: Random) -> tuple[float, float]:
        luck = rng.random()
        return (0.0, 1.0) if luck < better else (1.0, 0.0) if luck < better + worse else (1.0, 1.0)

    return draw


def grades(gain: float, noise: float, step: float = 0.01) -> Pair:
    """Graded examples of different difficulty, rounded to `step`."""

    def draw(rng: Random) -> tuple[float, float]:
        old = rng.betavariate(2, 2)
        return _rounded(old, step), _rounded(old + rng.gauss(gain, noise), step)

    return draw


def _rounded(score: float, step: float) -> float:
    return round(min(1.0, max(0.0, score)) / step) * step


def tailed(rng: Random) -> tuple[float, float]:
    """Mostly small gains, seldom a large one."""
    return 0.0, min(1.0, rng.expovariate(5))


def sparse(rng: Random) -> tuple[float, float]:
    """Six in ten stay as they are, the others gain a little."""
    return 0.0, rng.betavariate(1, 4) if rng.random() < 0.4 else 0.0


def mixed(rng: Random) -> tuple[float, float]:
    """Six in ten stay, most of the others gain, one in twenty loses much."""
    luck = rng.random()
    return 0.5, 0.5 + (0.0 if luck < 0.6 else rng.betavariate(2, 5) / 2 if luck < 0.95 else -rng.betavariate(2, 2) / 2)


CHANGES: dict[str, Pair] = {
    "marks, 30 % better, 10 % worse": marks(0.3, 0.1),
    "marks, 25 % better, 25 % worse": marks(0.25, 0.25),
    "marks, 80 % better": marks(0.8, 0.0),
    "marks, 15 % better, 5 % worse": marks(0.15, 0.05),
    "marks, nearly all ties (3 % better)": marks(0.03, 0.0),
    "grades": grades(0.1, 0.2),
    "grades, changes alike": grades(0.05, 0.05),
    "grades, wild": grades(0.2, 0.4),
    "grades in five steps": grades(0.15, 0.25, 0.25),
    "skewed": tailed,
    "skewed, most tied": sparse,
    "skewed, seldom a disaster": mixed,
    "all alike": lambda _: (0.25, 0.5),
}

SCORES: dict[str, Draw] = {
    "half right": lambda rng: float(rng.random() < 0.5),
    "nine in ten right": lambda rng: float(rng.random() < 0.9),
    "graded": lambda rng: rng.betavariate(2, 2),
    "graded, high": lambda rng: rng.betavariate(8, 2),
    "graded, low": lambda rng: rng.betavariate(1, 6),
    "graded, most perfect": lambda rng: 1.0 if rng.random() < 0.7 else rng.betavariate(3, 2),
    "four points": lambda rng: sum(rng.random() < 0.6 for _ in range(4)) / 4,
}


def bootstrap(values: Sequence[float]) -> Interval:
    """Efron's percentile interval."""
    rng, n = Random(0), len(values)
    means = sorted(sum(rng.choices(values, k=n)) / n for _ in range(1000))
    return Interval(statistics.fmean(values), means[25], means[974], n)


def held(interval: Interval | None, truth: float) -> bool:
    return interval is not None and interval.low - 1e-9 <= truth <= interval.high + 1e-9


def row(name: str, cells: Sequence[float]) -> None:
    print(f"{name:38}" + "".join(f"{100 * cell:7.1f}" for cell in cells), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bootstrap", action="store_true")
    parser.add_argument("--trials", type=int, default=1000)
    asked = parser.parse_args()
    print(f"{'change, paired':38}" + "".join(f"{size:7}" for size in SIZES))
    for name, pair in CHANGES.items():
        rng = Random(name)
        truth = statistics.fmean(new - old for old, new in (pair(rng) for _ in range(MANY)))
        found, plain = [], []
        for size in SIZES:
            samples = [[pair(rng) for _ in range(size)] for _ in range(asked.trials)]
            ours = (difference(*map(list, zip(*sample, strict=True))) for sample in samples)
            found.append(statistics.fmean(held(one, truth) for one in ours))
            if asked.bootstrap:
                theirs = (bootstrap([new - old for old, new in sample]) for sample in samples)
                plain.append(statistics.fmean(held(one, truth) for one in theirs))
        row(name, found)
        if plain:
            row("    percentile bootstrap", plain)
    print(f"\n{'mean score':38}" + "".join(f"{size:7}" for size in SIZES))
    for name, draw in SCORES.items():
        rng = Random(name)
        truth = statistics.fmean(draw(rng) for _ in range(MANY))
        tries = (
            [held(estimate([draw(rng) for _ in range(size)]), truth) for _ in range(asked.trials)] for size in SIZES
        )
        row(name, [statistics.fmean(one) for one in tries])


if __name__ == "__main__":
    main()
