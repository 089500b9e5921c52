"""Tables that compare searches by their curves, with intervals and tests."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from random import Random

from curves import Curve, gain_at, mean_curve, spent_to

REFLECTION = 2
"""What a reflection costs, in rollouts."""

BASELINES = ("gepa all, 6", "gepa all, 10", "gepa all, 6, independent")

Results = dict[str, dict[str, list[Curve]]]
"""Family, search, and a curve for each seed."""


def report(results: Results, budgets: Sequence[int]) -> None:
    families, most = list(results), max(budgets)
    searches = list(next(iter(results.values())))
    for price, unit in ((0, "rollouts"), (REFLECTION, f"rollouts + {REFLECTION} x reflections")):
        within = list(budgets)
        print(f"\nGain, mean of all worlds, at {unit}")
        print(f"{'':26}" + "".join(f"{budget:>8}" for budget in within))
        for search in searches:
            row = [
                statistics.fmean(gain_at(curve, b, price) for f in families for curve in results[f][search])
                for b in within
            ]
            print(f"{search:26}" + "".join(f"{gain:8.3f}" for gain in row))
        best = best_baseline(results, most, price)
        print(f"best options: {best}")
        if "ours, racing" in searches:
            versus(results, "gepa defaults", within, price)
            if best:
                versus(results, best, within, price)
            for search in (name for name in searches if name.startswith("racing, critic")):
                beside_racing(results, search, within, price)
            by_world(results, within, price)


def best_baseline(results: Results, budget: int, price: int) -> str:
    """The baseline with the highest mean gain at the end."""
    there = [name for name in BASELINES if name in next(iter(results.values()))]

    def gain(name: str) -> float:
        return statistics.fmean(gain_at(curve, budget, price) for f in results for curve in results[f][name])

    return max(there, key=gain, default="")


def versus(results: Results, baseline: str, budgets: Sequence[int], price: int) -> None:
    """How many times sooner racing is where the baseline ends, and where it is worse than it."""
    most, factors = max(budgets), []
    print(f"\nracing against {baseline}: cost at which each first has the baseline's gain at {most}")
    for family, curves in results.items():
        if baseline not in curves:
            return
        theirs_curve = mean_curve(curves[baseline], price, most)
        ours_curve = mean_curve(curves["ours, racing"], price, most)
        target = theirs_curve[-1][1]
        theirs_cost, ours_cost = spent_to(theirs_curve, target), spent_to(ours_curve, target)
        factors.append(theirs_cost / (ours_cost if math.isfinite(ours_cost) else most * 1.0))
        note = "" if math.isfinite(ours_cost) else "  (never: counted as the whole budget)"
        print(f"  {family:24} gain {target:.3f}  {theirs_cost:6.0f} {ours_cost:6.0f}  {factors[-1]:5.2f}x{note}")
    print(f"  geometric mean {math.exp(statistics.fmean(map(math.log, factors))):.2f}x")
    losses(results, baseline, budgets, price)


def losses(results: Results, baseline: str, budgets: Sequence[int], price: int) -> None:
    """The cells in which racing is significantly worse, and those that are so after correction for their number."""
    cells = {
        (family, budget): [
            gain_at(mine, budget, price) - gain_at(other, budget, price)
            for mine, other in zip(curves["ours, racing"], curves[baseline], strict=True)
        ]
        for family, curves in results.items()
        for budget in budgets
    }
    confirmed = holm({cell: chance_of_loss(differences) for cell, differences in cells.items()})
    for (family, budget), differences in cells.items():
        low, high = interval(differences)
        if high < 0 or (family, budget) in confirmed:
            after = "also" if (family, budget) in confirmed else "not"
            mean = statistics.fmean(differences)
            print(f"  loss: {family} at {budget}: {mean:+.3f} [{low:+.3f}, {high:+.3f}], {after} after correction")
    print(f"  significant losses after correction for {len(cells)} cells (Holm): {len(confirmed)}")


def chance_of_loss(differences: Sequence[float], tries: int = 20_000) -> float:
    """One-sided p-value of a mean this low if signs were random (paired permutation test)."""
    total = sum(differences)
    if total >= 0:
        return 1.0
    rng = Random(0)
    sizes = [abs(one) for one in differences]
    lower = sum(sum(size if rng.random() < 0.5 else -size for size in sizes) <= total + 1e-12 for _ in range(tries))
    return (lower + 1) / (tries + 1)


def holm(chances: Mapping[tuple[str, int], float], level: float = 0.05) -> set[tuple[str, int]]:
    """The hypotheses rejected by Holm's step-down procedure (Scand. J. Statist. 6, 1979)."""
    rejected = set[tuple[str, int]]()
    for place, (cell, chance) in enumerate(sorted(chances.items(), key=lambda one: one[1])):
        if chance > level / (len(chances) - place):
            break
        rejected.add(cell)
    return rejected


def beside_racing(results: Results, search: str, budgets: Sequence[int], price: int) -> None:
    """The difference in gain to racing, paired by seed, with its interval."""
    cells = []
    for budget in budgets:
        pairs = [
            pair for curves in results.values() for pair in zip(curves[search], curves["ours, racing"], strict=True)
        ]
        differences = [gain_at(mine, budget, price) - gain_at(other, budget, price) for mine, other in pairs]
        low, high = interval(differences)
        cells.append(f"{statistics.fmean(differences):+.3f} [{low:+.3f},{high:+.3f}]")
    print(f"{search} less racing: " + "  ".join(cells))


def by_world(results: Results, budgets: Sequence[int], price: int) -> None:
    print("\nby world, gain with 95 % intervals")
    for family, curves in results.items():
        print(f"  {family}")
        for search, runs in curves.items():
            cells = []
            for budget in budgets:
                gains = [gain_at(curve, budget, price) for curve in runs]
                low, high = interval(gains, 500)
                cells.append(f"{statistics.fmean(gains):6.3f} [{low:5.2f},{high:5.2f}]")
            print(f"    {search:26}" + " ".join(cells))


def interval(values: Sequence[float], tries: int = 2000) -> tuple[float, float]:
    """95 % of the mean, from resampling."""
    rng = Random(0)
    means = sorted(statistics.fmean(rng.choices(values, k=len(values))) for _ in range(tries))
    return means[int(0.025 * tries)], means[int(0.975 * tries) - 1]
