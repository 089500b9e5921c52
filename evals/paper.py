"""The paper's table for our searches, beside the official engine on the same graph and DSPy's optimizers.

    python evals/paper.py --model openai:gpt-4.1-mini --reflection-lm openai:gpt-5 --benchmark hotpotqa --budget 500

Writes `<out>/<benchmark>-<model>.json` and `.md`. A row that is there already is not run again, and one that was
interrupted goes on (MIPROv2's begins again, and its cost adds up); its texts are in `<out>/runs`. Without a key the
whole command runs on the simulated models of the benchmark instead, and the table's title says so.

The examples are those that ship, or the files in `--data`, as the benchmark's own script draws them at the paper's
sizes (`python evals/hotpotqa.py DIR`). It needs `pip install -e ".[bench]"`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # for whoever loads this file from elsewhere

from paper_rows import ROWS, Found, Task, obstacle  # noqa: E402
from paper_table import progress, table  # noqa: E402
from sources import read_lines, write_lines  # noqa: E402

from langgraph_gepa.adapter.reflection_model import KEYS, ChatReflection  # noqa: E402
from langgraph_gepa.core.example import digest  # noqa: E402
from langgraph_gepa.errors import ModelError, UsageError  # noqa: E402


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A script beside this one that has examples and a metric, and the graph it is for.

    `models` are the environment variables by which graph and metric choose their models, the graph's first; `program`
    is the name of the graph's file and of its simulated models' where it is not the benchmark's own. `modules` chooses
    among the modules of `kinds`.
    """

    models: tuple[str, ...]
    program: str | None = None
    kinds: tuple[str, ...] = ("prompt",)
    modules: str | None = None


BENCHMARKS: Mapping[str, Benchmark] = {
    "hotpotqa": Benchmark(("HOTPOTQA_MODEL",)),
    "hover": Benchmark(("HOVER_MODEL",)),
    "ifbench": Benchmark(("IFBENCH_MODEL",)),
    "pupa": Benchmark(("PUPA_MODEL", "PUPA_UNTRUSTED_MODEL", "PUPA_JUDGE")),
    "aime": Benchmark(("AIME_MODEL",)),
    "livebench": Benchmark(("AIME_MODEL",), program="aime"),
    "bfcl": Benchmark(("BFCL_MODEL",), kinds=("prompt", "tool"), modules="!tool:*.*"),  # but no tool's arguments
}
SETS = ("train", "val", "test")
PACKAGES = ("langgraph-gepa", "langgraph", "langchain-core", "gepa", "dspy", "optuna")


def main(argv: Sequence[str] | None = None) -> None:
    given = arguments(argv)
    sets = examples(given.benchmark, given.data)
    lacking = given.simulated or why_simulated(given.model, given.reflection_lm)
    models = "simulated" if lacking else re.sub(r"[^\w.-]+", "-", f"{given.model}-{given.reflection_lm}")
    page = given.out / f"{given.benchmark}-{models}.md"
    work = given.out / "runs" / page.stem
    work.mkdir(parents=True, exist_ok=True)
    for name, rows in sets.items():
        write_lines(work / f"{name}.jsonl", rows)
    if lacking:
        print(f"Simulated models: {lacking}", file=sys.stderr)
    benchmark = BENCHMARKS[given.benchmark]
    program = benchmark.program or given.benchmark
    with simulated(program, work) if lacking else real(benchmark, given) as reflection_lm:
        task = Task(
            given.benchmark,
            program,
            benchmark.kinds,
            benchmark.modules,
            {variable: os.environ[variable] for variable in benchmark.models},
            reflection_lm,
            bool(lacking),
            **sets,
            concurrency=given.concurrency,
        )
        fill(Results.of(page, task, sets, argv), task, work, given)
    print(page.read_text(encoding="utf-8"))


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The paper's table for our searches and others on the same graph.")
    parser.add_argument("--benchmark", choices=BENCHMARKS, required=True)
    parser.add_argument("--model", default="openai:gpt-4.1-mini", help="of the graph and the judges")
    parser.add_argument("--reflection-lm", default="openai:gpt-5")
    parser.add_argument("--budget", type=int, default=500, help="rollouts of a search")
    parser.add_argument("--budget-of", action="append", default=[], metavar="ROW=N", help="another budget for a row")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--rows", default=",".join(ROWS), help=f"of {', '.join(ROWS)}")
    parser.add_argument("--data", type=Path, help="a folder with train.jsonl, val.jsonl and test.jsonl")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument(
        "--simulated", action="store_const", const="as requested.", help="simulated models, whatever key there is"
    )
    given = parser.parse_args(argv)
    given.rows = given.rows.split(",")
    given.budgets = dict.fromkeys(ROWS, given.budget) | {"seed": 0}
    for row, _, number in (one.rpartition("=") for one in given.budget_of):
        if not number.isdigit() or row == "seed":
            parser.error(f"--budget-of takes ROW=N, such as 'gepa (ours)=1000', and no {row or number!r}")
        given.budgets[row] = int(number)
    if unknown := {*given.rows, *given.budgets} - ROWS.keys():
        parser.error(f"no row is called {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    return given


def examples(benchmark: str, folder: Path | None) -> dict[str, list[dict[str, Any]]]:
    """The three sets, from the files in `folder`, else those that ship. A corpus in the folder is the graph's."""
    if folder is None:
        spec = importlib.util.spec_from_file_location(f"paper_{benchmark}", HERE / f"{benchmark}.py")
        if spec is None or spec.loader is None:
            raise UsageError(f"{HERE / benchmark}.py cannot be loaded.")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        categories = ("base",) if benchmark == "bfcl" else ()
        return {name: getattr(module, f"{name}set")(*categories) for name in SETS}
    if (corpus := folder / "corpus.jsonl").exists():
        os.environ[f"{benchmark.upper()}_CORPUS"] = str(corpus)
    if missing := [name for name in SETS if not (folder / f"{name}.jsonl").exists()]:
        remedy = shlex.join(["python", f"evals/{benchmark}.py", str(folder)])
        raise UsageError(f"{folder} has no {' and no '.join(f'{name}.jsonl' for name in missing)}. Run: {remedy}")
    return {name: read_lines(folder / f"{name}.jsonl") for name in SETS}


def why_simulated(*models: str) -> str | None:
    """Why a model cannot be made without its provider's key; `None` when all can. Raises `ModelError` otherwise."""
    for model in models:
        try:
            ChatReflection(model)
        except ModelError as error:
            key = KEYS.get(model.partition(":")[0])
            if not key or os.environ.get(key):
                raise
            return str(error)
    return None


@contextmanager
def real(benchmark: Benchmark, given: argparse.Namespace) -> Iterator[str]:
    """Points the benchmark at the model; variables that are set already stay as they are, such as another judge."""
    for variable in benchmark.models:
        os.environ.setdefault(variable, given.model)
    yield given.reflection_lm


@contextmanager
def simulated(program: str, folder: Path) -> Iterator[str]:
    """Serves the program's simulated models in a process of their own, for the examples in `folder`."""
    command = [sys.executable, str(HERE / "simulated" / f"{program}.py"), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            lines = process.stdout or ()
            exported = next((line for line in lines if line.startswith("export ")), None)
            if exported is None:
                raise UsageError(f"The simulated models did not start: {shlex.join(command)}")
            os.environ.update(one.split("=", 1) for one in shlex.split(exported)[1:])
            os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # simulated models have no price to be fetched
            yield next(lines).split()[-1]  # type: ignore[call-overload]  # "... --reflection-lm openai:NAME"
        finally:
            process.terminate()


class Results:
    """The table's rows on disk, kept after each. Raises `UsageError` for a file that was made with other settings."""

    def __init__(self, page: Path, settings: Mapping[str, Any], command: str) -> None:
        self._page, self._file = page, page.with_suffix(".json")
        self.kept: dict[str, Any] = {"settings": dict(settings), "skipped": {}, "rows": []}
        if self._file.exists():
            self.kept = json.loads(self._file.read_text(encoding="utf-8"))
        if different := [key for key, value in settings.items() if self.kept["settings"].get(key) != value]:
            raise UsageError(
                f"{self._file} was made with other settings ({', '.join(different)}). Give another folder with --out."
            )
        self.kept |= {"command": command, "skipped": {}}

    @classmethod
    def of(cls, page: Path, task: Task, sets: Mapping[str, Any], argv: Sequence[str] | None) -> Results:
        settings = {
            "benchmark": task.benchmark,
            "simulated": task.simulated,
            "models": dict(task.models),
            "reflection_lm": task.reflection_lm,
            "kinds": list(task.kinds),
            "examples": {name: len(rows) for name, rows in sets.items()},
            "data": digest(sets),
        }
        return cls(page, settings, shlex.join(["python", "evals/paper.py", *(sys.argv[1:] if argv is None else argv)]))

    def has(self, row: str, seed: int, budget: int) -> bool:
        return any((one["row"], one["seed"], one["budget"]) == (row, seed, budget) for one in self.kept["rows"])

    def add(self, row: str, task: Task, found: Found) -> None:
        cost = found.cost
        self.kept["rows"].append({
            "row": row,
            "seed": task.seed,
            "budget": task.budget,
            "date": date.today().isoformat(),
            "versions": versions(),
            "rollouts": cost.rollouts,
            "reflections": cost.reflections,
            "tokens": cost.tokens,
            "dollars": cost.dollars,
            "minutes": round(cost.seconds / 60, 3),
            "prompt_characters": found.characters,
            "scores": list(found.scores),
        })  # fmt: skip
        order = list(ROWS)
        self.kept["rows"].sort(key=lambda one: (order.index(one["row"]), one["budget"], one["seed"]))
        self.write()

    def write(self) -> None:
        self._file.write_text(json.dumps(self.kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        self._page.write_text(table(self.kept), encoding="utf-8")


def fill(results: Results, task: Task, work: Path, given: argparse.Namespace) -> None:
    """Runs the rows that are missing, in order, and notes those that cannot be run here."""
    for row in given.rows:
        budget = given.budgets[row]
        for seed in range(1 if row == "seed" else given.seeds):
            if results.has(row, seed, budget):
                continue
            if reason := obstacle(row, task):
                results.kept["skipped"][row] = reason
                continue
            print(progress(row, seed, budget), file=sys.stderr)
            folder = work / f"{re.sub(r'[^a-zA-Z0-9]+', '-', row).strip('-')}-{budget}-{seed}"
            own = replace(task, seed=seed, budget=budget, folder=folder)
            found = ROWS[row](own)
            folder.mkdir(exist_ok=True)
            texts = json.dumps(dict(found.texts), indent=2, ensure_ascii=False)
            (folder / "prompts.json").write_text(texts + "\n", encoding="utf-8")
            results.add(row, own, found)
    results.write()


def versions() -> dict[str, str]:
    """Python's, the packages' and, in a checkout, the commit."""
    found = {"Python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    if git := shutil.which("git"):
        asked = subprocess.run([git, "-C", HERE, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
        found |= {"commit": asked.stdout.strip()} if asked.returncode == 0 else {}
    return found


if __name__ == "__main__":
    try:
        main()
    except UsageError as error:
        sys.exit(f"Error: {error}")
