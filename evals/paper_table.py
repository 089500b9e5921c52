"""The table of `paper.py` in words, and the paper's own figures beside it.

python evals/paper_table.py evals/results/*.json    prints the overview that `docs/programs.md` has
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from math import fsum
from pathlib import Path
from typing import Any

from langgraph_gepa.report.intervals import Interval, difference, estimate
from langgraph_gepa.report.words import plural

PAPER = "arXiv 2507.19457v2, Tables 1 and 2"
BENCHMARKS = ("hotpotqa", "ifbench", "hover", "pupa", "aime", "livebench")
QUOTED: Mapping[str, Mapping[str, Sequence[float]]] = {
    "Qwen3 8B": {
        "Baseline": (42.33, 36.90, 35.33, 80.82, 27.33, 48.70),
        "GRPO": (43.33, 35.88, 38.67, 86.66, 38.00, 51.26),
        "MIPROv2": (55.33, 36.22, 47.33, 81.55, 20.00, 46.60),
        "GEPA": (62.33, 38.61, 52.33, 91.85, 32.00, 51.95),
        "GEPA+Merge": (64.33, 28.23, 51.67, 86.26, 32.00, 51.95),
    },
    "GPT-4.1 mini": {
        "Baseline": (38.00, 47.79, 46.33, 78.57, 49.33, 58.20),
        "Trace (OptoPrime)": (60.33, 51.19, 46.00, 74.18, 45.33, 60.74),
        "MIPROv2 without demonstrations": (38.00, 52.04, 51.33, 91.85, 48.67, 60.97),
        "MIPROv2": (58.00, 49.15, 48.33, 83.37, 51.33, 61.84),
        "TextGrad": (62.33, 48.64, 47.67, 85.68, 46.67, 63.84),
        "GEPA": (69.00, 52.72, 51.67, 94.47, 59.33, 64.13),
        "GEPA+Merge": (65.67, 55.95, 56.67, 96.46, 59.33, 64.13),
    },
}
"""Test scores in percent, in the order of `BENCHMARKS`. The paper has GRPO for Qwen3 8B only."""
ROLLOUTS: Mapping[str, Sequence[int]] = {
    "GRPO": (24000,) * 6,
    "GEPA": (6871, 3593, 7051, 2426, 1839, 1839),
    "GEPA+Merge": (6871, 3593, 7051, 2426, 1839, 1839),
}
"""The paper's budgets, for Qwen3 8B."""
COLUMNS = (
    "", "budget", "seeds", "score on test, %", "gain on seed", "rollouts", "reflections", "tokens", "dollars",
    "minutes", "prompt characters",
)  # fmt: skip
RACING = "racing (ours)"
OVERVIEW = (
    "benchmark", "models", "seed on test, %", "racing on test, %", "gain", "budget", "seeds", "minutes", "measured",
)  # fmt: skip
NONE = "–"


def table(results: Mapping[str, Any]) -> str:
    """The results as a page of Markdown. The figures are means over seeds."""
    settings, rows = results["settings"], results["rows"]
    models = settings["models"]
    lines = [
        f"# {settings['benchmark']}: {'SIMULATED models' if settings['simulated'] else next(iter(models.values()))}",
        "",
        *_about(results),
        "",
        _line(COLUMNS),
        _line(["---"] * len(COLUMNS)),
        *map(_line, _measured(rows)),
        *map(_line, _quoted(settings["benchmark"])),
        "",
        *_notes(results),
    ]
    return "\n".join(lines) + "\n"


def overview(tables: Iterable[Mapping[str, Any]]) -> str:
    """A line for each benchmark: what our search by racing made of it, and on which models."""
    lines = [_line(OVERVIEW), _line(["---"] * len(OVERVIEW))]
    for results in tables:
        measured = {cells[0]: cells for cells in _measured(results["rows"])}
        settings, runs = results["settings"], [row for row in results["rows"] if row["row"] == RACING]
        _, budget, seeds, score, gain, *_, minutes, _ = measured[RACING]
        models = "simulated" if settings["simulated"] else ", ".join(dict.fromkeys(settings["models"].values()))
        when = ", ".join(sorted({f"{run['date']} ({run['versions'].get('commit', NONE)})" for run in runs}))
        lines.append(
            _line([settings["benchmark"], models, measured["seed"][3], score, gain, budget, seeds, minutes, when])
        )
    return "\n".join(lines)


def _about(results: Mapping[str, Any]) -> Iterable[str]:
    settings = results["settings"]
    if settings["simulated"]:
        yield (
            "Simulated: no model is behind these figures. They show that each search runs to its end on this graph and "
            "how its bookkeeping adds up, and nothing about any real model, so no quoted figure compares with them.\n"
        )
    models = ", ".join(f"{variable} {model}" for variable, model in settings["models"].items())
    yield f"Models: {models}, reflection model {settings['reflection_lm']}."
    sizes = ", ".join(f"{size} {name}" for name, size in settings["examples"].items())
    yield f"\nExamples: {sizes}. Optimised: {' and '.join(settings['kinds'])}."


def _measured(rows: Sequence[Mapping[str, Any]]) -> Iterable[Sequence[str]]:
    by_name: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for row in rows:
        by_name.setdefault((row["row"], row["budget"]), []).append(row)
    seed = next((_by_example(runs) for (name, _), runs in by_name.items() if name == "seed"), None)
    for (name, budget), runs in by_name.items():
        scores, dollars = _by_example(runs), [run["dollars"] for run in runs]
        gain = difference(seed, scores) if seed and name != "seed" and len(seed) == len(scores) else None
        yield (
            name,
            f"{budget:,}" if budget else NONE,
            str(len(runs)),
            _percent(estimate(scores)),
            _percent(gain, signed=True),
            *(f"{_mean(run[key] for run in runs):,.0f}" for key in ("rollouts", "reflections", "tokens")),
            NONE if None in dollars else f"{_mean(dollars):.2f}",
            f"{_mean(run['minutes'] for run in runs):.1f}",
            f"{_mean(run['prompt_characters'] for run in runs):,.0f}",
        )


def _quoted(benchmark: str) -> Iterable[Sequence[str]]:
    if benchmark not in BENCHMARKS:
        return
    place = BENCHMARKS.index(benchmark)
    for model, methods in QUOTED.items():
        for method, scores in methods.items():
            known = ROLLOUTS.get(method) if model == "Qwen3 8B" else None
            rollouts = f"{known[place]:,}" if known else NONE
            yield (f"quoted: {method}, {model}", NONE, NONE, f"{scores[place]:.2f}", NONE, rollouts, *[NONE] * 5)


def _notes(results: Mapping[str, Any]) -> Iterable[str]:
    yield (
        "Scores are means over the test examples with 95 % intervals, gains are paired by example; with several seeds "
        "an example counts with its mean. The intervals are about the examples, not about the luck of a search. "
        "Rollouts, reflections, tokens, dollars and minutes are the search's, without the scoring on test."
    )
    if results["settings"]["simulated"]:
        yield (
            "\nThe simulated reflection model understands no English. The official engine's reflection prompt "
            "therefore holds its data in the tags that the model reads."
        )
        if any(row["row"].startswith("dspy.") for row in results["rows"]):
            yield (
                "\nDSPy's requests are put to the simulated models in the form of the graph's. Its demonstrations "
                "teach them nothing, and the instructions of MIPROv2, which has no feedback, are guessed."
            )
    if results["settings"]["benchmark"] in BENCHMARKS:
        yield f"\nRows that begin with “quoted” are the paper's own figures ({PAPER}); they were not measured here."
    else:
        yield "\nThe paper has no figures for this benchmark."
    for name, reason in results["skipped"].items():
        yield f"\nNot run: {name}. {reason}."
    dates = sorted({row["date"] for row in results["rows"]})
    when = " to ".join(dict.fromkeys((dates[0], dates[-1]))) if dates else ""
    yield f"\nRun on {when} with {_versions(results['rows'])}:" if dates else ""
    yield f"\n    {results['command']}"


def _versions(rows: Sequence[Mapping[str, Any]]) -> str:
    """All that the rows were made with, which may be several versions where the table was filled at several times."""
    found: dict[str, dict[str, None]] = {}
    for name, version in (one for row in rows for one in row["versions"].items()):
        found.setdefault(name, {})[version] = None
    return ", ".join(f"{name} {' and '.join(several)}" for name, several in found.items())


def _by_example(runs: Sequence[Mapping[str, Any]]) -> list[float]:
    return [_mean(scores) for scores in zip(*(run["scores"] for run in runs), strict=True)]


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return fsum(known) / len(known)


def _percent(interval: Interval | None, signed: bool = False) -> str:
    if interval is None:
        return NONE
    mean, low, high = (
        f"{100 * value:+.1f}" if signed else f"{100 * value:.1f}"
        for value in (interval.mean, interval.low, interval.high)
    )
    return f"{mean} [{low}, {high}]"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def progress(row: str, seed: int, budget: int) -> str:
    return f"{row}, seed {seed}" + (f", at most about {plural(budget, 'rollout')}" if budget else "")


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the overview of the result files named."""
    files = map(Path, sys.argv[1:] if argv is None else argv)
    print(overview(json.loads(file.read_text(encoding="utf-8")) for file in files))


if __name__ == "__main__":
    main()
