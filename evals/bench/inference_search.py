"""Search at inference time: the best program for each of ten tasks, by three ways to spend the same number of calls.

    python evals/bench/inference_search.py                    simulated, all worlds, 12 seeds
    python evals/bench/inference_search.py --world own --rollouts 60 --seeds 3
    python evals/bench/inference_search.py --model openai:gpt-4.1-mini --reflection-lm openai:gpt-5 --seeds 3
    ... --tasks kernelbench                                   KernelBench's tasks, on a machine with a GPU and PyTorch

- search: `search_outputs` over `graphs/code_writer.py`. Its calls are the rollouts, one call of the writer each, and
  the reflections.
- refinement: the writer's last answer and its feedback go in, with the tests and the reference program, which
  reflections see as well, and a better answer comes out.
- sampling: the same request again and again, with the prompt that the graph has.

Refinement and sampling get as many calls as the search made, shared out evenly among the tasks, and each task's best
answer counts. That answer is run once more for its score, because the best of many timings is too good. With
OPENAI_API_KEY the models are real; without, all are simulated, and each program is run once. Intervals are 95 % over
seeds.

What the simulation models is in `evals/simulated/code_writer.py`: steps that are done by luck, by a rule of the prompt,
or by the feedback on the last answer, with the same chance for reflection and for refinement to understand feedback.
It leaves out: mistakes that a model repeats whatever its luck (which hurt sampling most, then refinement); rules that
mislead other tasks; feedback that is read wrongly; long programs, of which an answer loses more; and prices, as all
calls count alike though a reflection is longer than an answer.

Expected, written before the first run:

- shared (rules help several tasks): refinement and search close, at 200 calls within .02, sampling behind on the large
  tasks. Refinement has 20 looks at each task and needs about eight for the largest.
- own (each rule helps one task only): refinement first; search at best as good as sampling, as its rules come one by
  one, and a long prompt is followed less.
- hard (as shared, but little is done by luck): search first, most clearly on large tasks, since a rule that was found
  on one task serves the others; sampling last by far.
- silent (feedback is seldom understood): refinement first, as it keeps what luck gave; sampling second; search last, as
  its reflections are paid for and mostly find nothing.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from langgraph_gepa import Budget, search_outputs
from langgraph_gepa.demo.server import SimulatedServer
from langgraph_gepa.errors import UsageError
from langgraph_gepa.report.intervals import Interval, difference, estimate

ROOT = Path(__file__).parents[2]
ARMS = ("search", "refinement", "sampling")
SCALE = (0.0, 1.0)

Task = Mapping[str, Any]


def loaded(path: str) -> ModuleType:
    """The module in a file, made anew, with the folder of the file on the path."""
    file = ROOT / path
    sys.path.insert(0, str(file.parent))
    name = "_".join(file.relative_to(ROOT).with_suffix("").parts)
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(file.parent))
    return module


@dataclass(frozen=True, slots=True)
class Bench:
    """The graph's module, the tasks and their metric, and how a search over them is run."""

    writer: ModuleType
    tasks: Sequence[Task]
    metric: Callable[..., Any]
    reflection_lm: str
    kind: str
    rollouts: int
    concurrency: int

    def run(self, task: Task, words: str) -> dict[str, Any]:
        """One call of the writer, asked with `words`: the final state."""
        return dict(self.writer.graph.invoke({**task["inputs"], "task": words}))

    def judged(self, task: Task, outputs: Mapping[str, Any]) -> Any:
        return self.metric(task["inputs"], outputs)

    def measured(self, task: Task, code: str) -> float:
        """The score of a program, from running it once more."""
        return float(self.judged(task, self.writer.check({**task["inputs"], "code": code})).score)


def searched(bench: Bench, seed: int) -> tuple[dict[str, str], int]:
    """The best program for each task that a search finds, and how many calls of models it made."""
    with tempfile.TemporaryDirectory() as folder:
        found = search_outputs(
            bench.writer.graph,
            list(bench.tasks),
            metric=bench.metric,
            reflection_lm=bench.reflection_lm,
            budget=Budget(rollouts=bench.rollouts),
            search=bench.kind,
            seed=seed,
            run=Path(folder, "run"),
            concurrency=bench.concurrency,
            in_flight=1,
            progress=False,
        )
        spent = found.result.view.spent
        programs = {task: one.output["code"] for task, one in found.items() if one.output is not None}
        return programs, spent.rollouts + spent.replies


def sampled(bench: Bench, task: Task, calls: int) -> str:
    """The best of `calls` answers to the same request."""
    answers = [bench.run(task, task["inputs"]["task"]) for _ in range(calls)]
    return str(max(answers, key=lambda outputs: bench.judged(task, outputs).score)["code"])


def refined(bench: Bench, task: Task, calls: int) -> str:
    """The best of `calls` answers, each made from the one before it and its feedback."""
    words, answers = task["inputs"]["task"], []
    for _ in range(calls):
        outputs = bench.run(task, words)
        feedback = bench.judged(task, outputs)
        answers.append((feedback.score, str(outputs["code"])))
        words = refinement_request(task, str(outputs["code"]), str(feedback.comment))
    return max(answers, key=lambda answer: answer[0])[1]


def refinement_request(task: Task, code: str, feedback: str) -> str:
    """What a refinement is asked: all that a record of a reflection holds, of one answer."""
    known = "\n".join(f"{name}: {value}" for name, value in task["inputs"].items() if name != "task")
    answer = code if code.endswith("\n") else code + "\n"
    last = f"Your last answer, to be made better:\n```python\n{answer}```\n{feedback}"
    return f"{task['inputs']['task']}\n\n{known}\n\n{last}"


def shares(calls: int, tasks: int) -> list[int]:
    """The calls of each task, as even as whole numbers are; at least one."""
    return [max(1, calls // tasks + (place < calls % tasks)) for place in range(tasks)]


Scores = dict[str, dict[str, list[float]]]
"""Arm, task, and a score for each seed."""


def compare(bench: Bench, seed: int, scores: Scores) -> int:
    """Runs all arms with a seed, adds what each reached, and returns the calls that each had."""
    programs, calls = searched(bench, seed)
    for task, share in zip(bench.tasks, shares(calls, len(bench.tasks)), strict=True):
        found = {
            "search": programs.get(task["id"], ""),
            "refinement": refined(bench, task, share),
            "sampling": sampled(bench, task, share),
        }
        for arm, code in found.items():
            scores[arm][task["id"]].append(bench.measured(task, code))
    return calls


def report(scores: Scores, calls: Sequence[int], name: str) -> None:
    tasks = list(scores["search"])
    few, many = min(calls), max(calls)
    print(f"\n{name}: {len(calls)} seeds, {few} to {many} calls of models for each way")
    width = max(map(len, ["all tasks", *tasks])) + 2
    print(" " * width + "".join(f"{arm:19}" for arm in ARMS) + "search - refinement    search - sampling")
    for task in tasks:
        line(task.ljust(width), {arm: scores[arm][task] for arm in ARMS})
    means = {arm: [statistics.fmean(each) for each in zip(*scores[arm].values(), strict=True)] for arm in ARMS}
    line("all tasks".ljust(width), means)


def line(name: str, by_arm: Mapping[str, Sequence[float]]) -> None:
    cells = "".join(f"{shown(estimate(by_arm[arm], SCALE)):19}" for arm in ARMS)
    gaps = "".join(f"{shown(difference(by_arm[arm], by_arm['search'], SCALE), '+'):23}" for arm in ARMS[1:])
    print(f"{name}{cells}{gaps}".rstrip(), flush=True)


def shown(interval: Interval | None, sign: str = "") -> str:
    assert interval is not None
    return f"{interval.mean:{sign}.2f} [{interval.low:{sign}.2f}, {interval.high:{sign}.2f}]"


@contextmanager
def models(variables: Mapping[str, str]) -> Iterator[ModuleType]:
    """The graph's module with its model set by environment variables."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield loaded("graphs/code_writer.py")
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def run_once(writer: ModuleType, kept: dict[str, str]) -> None:
    """Has the writer's module run each program once, and keeps what it reports: simulated answers repeat themselves."""
    really = writer.run_apart

    def run_apart(order: list[object], *rest: Any) -> str:
        key = json.dumps(order)
        if key not in kept:
            kept[key] = really(order, *rest)
        return kept[key]

    writer.run_apart = run_apart  # type: ignore[attr-defined]


def simulated(options: argparse.Namespace, tasks: Sequence[Task], metric: Callable[..., Any]) -> None:
    code = loaded("evals/simulated/code_writer.py")
    kept: dict[str, str] = {}
    for name in options.world or code.WORLDS:
        scores, calls = empty(tasks), []
        for seed in range(options.seeds):
            with SimulatedServer(code.personas(code.WORLDS[name]), seed=seed) as server:
                variables = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "none", "OPENAI_MODEL": code.WRITER}
                with models(variables) as writer:
                    run_once(writer, kept)
                    bench = bench_of(writer, tasks, metric, f"openai:{code.REFLECTION}", options)
                    calls.append(compare(bench, seed, scores))
        report(scores, calls, f"simulated world {name!r}")


def real(options: argparse.Namespace, tasks: Sequence[Task], metric: Callable[..., Any]) -> None:
    scores, calls = empty(tasks), []
    with models({"OPENAI_MODEL": options.model.removeprefix("openai:")}) as writer:
        bench = bench_of(writer, tasks, metric, options.reflection_lm, options)
        for seed in range(options.seeds):
            calls.append(compare(bench, seed, scores))
            report(scores, calls, f"{options.model}, reflections by {options.reflection_lm}")


def empty(tasks: Sequence[Task]) -> Scores:
    return {arm: {task["id"]: [] for task in tasks} for arm in ARMS}


def bench_of(
    writer: ModuleType, tasks: Sequence[Task], metric: Callable[..., Any], lm: str, options: argparse.Namespace
) -> Bench:
    return Bench(writer, tasks, metric, lm, options.search, options.rollouts, options.concurrency)


def parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", choices=("cpu", "kernelbench"), default="cpu")
    parser.add_argument("--rollouts", type=int, default=180, help="of the search; reflections come on top")
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--search", choices=("racing", "gepa"), default="racing")
    parser.add_argument("--model", default="openai:gpt-4.1-mini", help="the writer, OpenAI's or OPENAI_BASE_URL's")
    parser.add_argument("--reflection-lm", default="openai:gpt-5")
    parser.add_argument("--concurrency", type=int, default=1, help="more programs at once disturb each other's timing")
    parser.add_argument("--simulated", action="store_true", help="simulated models, whatever key there is")
    worlds = ("shared", "own", "hard", "silent")
    parser.add_argument("--world", action="append", choices=worlds, help="of the simulated ones, instead of all")
    options = parser.parse_args(argv)
    if options.seeds < 1:
        parser.error("--seeds must be at least 1")
    options.simulated |= options.world is not None
    return options


def main(argv: Sequence[str] | None = None) -> None:
    options = parsed(argv)
    without_model = options.simulated or not os.environ.get("OPENAI_API_KEY")
    tasks = loaded("evals/code_writer.py")
    try:
        if options.tasks == "kernelbench":
            if without_model:
                raise UsageError("KernelBench's tasks need a real model: set OPENAI_API_KEY.")
            real(options, loaded("evals/kernelbench.py").tasks(), tasks.metric)
        elif without_model:
            print(f"Simulated models, as {'requested' if options.simulated else 'OPENAI_API_KEY is not set'}.")
            simulated(options, tasks.tasks(), tasks.metric)
        else:
            real(options, tasks.tasks(), tasks.metric)
    except UsageError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
