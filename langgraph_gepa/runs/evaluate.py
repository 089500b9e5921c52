"""A graph's score on examples, as it is and with other prompts, with how sure that is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.progress import Progress

from langgraph_gepa.core.example import Example
from langgraph_gepa.core.leakage import inputs_key
from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.engine.concurrency import Slots, settle
from langgraph_gepa.engine.ports import Evaluator
from langgraph_gepa.engine.retry import Calls, going_on
from langgraph_gepa.errors import Interrupted, UsageError
from langgraph_gepa.report import words
from langgraph_gepa.report.failed_examples import failure_sentence
from langgraph_gepa.report.intervals import Interval, difference, estimate
from langgraph_gepa.report.screen import Screen
from langgraph_gepa.runs.job import WORLD
from langgraph_gepa.runs.result import PROMPTS, Result
from langgraph_gepa.runs.session import Brake, run
from langgraph_gepa.search.score import scale_of
from langgraph_gepa.store.folder import DATABASE

SIDES = {"before": "as it is", "after": "with prompts"}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Mean scores over the same examples with 95 % intervals. `after` and `difference` (paired) need other prompts.

    `failures` are the errors by example of those on which the graph failed, which score 0: of "before" and "after".
    `repeated` counts examples with the inputs of another one, `learned` those that the prompts' run searched with.
    """

    before: Interval
    after: Interval | None = None
    difference: Interval | None = None
    failures: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    repeated: int = 0
    learned: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        lines = [f"{SIDES['before']:<12}  {_said(self.before)}"]
        if self.after is not None:
            lines.append(f"{SIDES['after']}  {_said(self.after)}")
        if self.difference is not None:
            lines.append(f"difference    {_said(self.difference, sign=True)}")
        lines.append(f"{words.plural(self.before.n, 'example')}, 95 % intervals")
        for side, errors in self.failures.items():
            example, error = next(iter(errors.items()))
            lines.append(failure_sentence(len(errors), self.before.n, "example", SIDES[side], example, error))
        of = words.plural(self.before.n, "example")
        if self.learned:
            lines.append(f"{self.learned:,} of {of} took part in the search for these prompts.")
        if self.repeated:
            repeat = "repeats" if self.repeated == 1 else "repeat"
            lines.append(f"{self.repeated:,} of {of} {repeat} the inputs of another one.")
        return "\n".join(lines)


def prompts_of(source: Mapping[str, str] | Path | str) -> Mapping[str, str]:
    """Texts by module name, from a mapping, a run's folder, or a prompts.json. Raises `UsageError`."""
    if isinstance(source, Mapping):
        if wrong := [name for name, text in dict[str, Any](source).items() if not isinstance(text, str)]:
            raise UsageError(f"The prompts must be texts by module name; that of {wrong[0]!r} is none.")
        return source
    path = Path(source)
    if (path / DATABASE).exists():
        return Result.open(path).prompts
    file = path / PROMPTS if path.is_dir() else path
    try:
        texts = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"No prompts at {file} ({error.strerror}). Give a run's folder or a prompts.json.") from error
    except ValueError as error:
        raise UsageError(
            f"{file} is no JSON ({error}). Make one with `langgraph-gepa export RUN -o {file}`."
        ) from error
    if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
        raise UsageError(f"{file} must hold one JSON object of module names and texts.")
    return texts


def searched_with(source: Mapping[str, str] | Path | str | None) -> frozenset[str]:
    """The inputs (see `inputs_key`) that the run in a folder learned from or chose by; none where there is no run."""
    if source is None or isinstance(source, Mapping) or not (Path(source) / DATABASE).exists():
        return frozenset()
    sets = Result.open(source).saved.asked.examples
    return frozenset(inputs_key(example) for example in (*sets.feedback, *sets.pareto))


def measure(
    evaluator: Evaluator, examples: Sequence[Example], texts: Texts | None, concurrency: int = 16
) -> Evaluation:
    """Runs every example with the graph's own texts, and with `texts` where given, `concurrency` rollouts at once.

    The first failure that no waiting mends is raised; what is under way then ends, nothing else starts.
    """
    own = {module.name: module.text for module in evaluator.modules}
    sides = [own] if texts is None else [own, texts]

    def say(text: str) -> None:
        bar.console.print(text, soft_wrap=True)

    async def rollouts(brake: Brake) -> list[Rollout]:
        calls, slots = Calls(WORLD, say=say), Slots(concurrency)

        def stop(by: str) -> None:
            say(f"{by}: stopping when the rollouts under way have ended; again stops at once. Nothing is kept.")
            calls.stop(by)

        brake.on_pull = stop
        failures: list[Exception] = []

        async def ran(side: Texts, example: Example) -> Rollout:
            async with slots:
                try:
                    rollout = await calls.make(
                        going_on(lambda: evaluator.evaluate(side, example)), slots, example.digest
                    )
                except Interrupted:
                    raise
                except Exception as failure:  # a comparison with a hole is none: nothing more is paid for
                    failures.append(failure)
                    calls.stop("another rollout failed")
                    raise
            bar.advance(task)
            return rollout

        try:
            return await settle(ran(side, example) for side in sides for example in examples)
        except Interrupted:
            if failures:
                raise failures[0] from failures[0].__cause__
            raise

    console = Screen(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("rollouts", total=len(sides) * len(examples))
        found = run(rollouts)
    return _compared(found[: len(examples)], found[len(examples) :])


def _compared(before: Sequence[Rollout], after: Sequence[Rollout]) -> Evaluation:
    own, others = ([rollout.score for rollout in side] for side in (before, after))
    scale = scale_of((*own, *others))
    first = estimate(own, scale)
    if first is None:
        raise ValueError("no examples")
    errors = {
        name: {rollout.example: rollout.error for rollout in side if rollout.error}
        for name, side in zip(SIDES, (before, after), strict=True)
    }
    failures = {name: found for name, found in errors.items() if found}
    change = difference(own, others, scale) if others else None
    return Evaluation(first, estimate(others, scale), change, failures)


def _said(interval: Interval, sign: bool = False) -> str:
    write = words.signed if sign else words.score
    mean, low, high = map(write, (interval.mean, interval.low, interval.high))
    return f"{mean}  [{low}, {high}]"
