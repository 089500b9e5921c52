"""A graph's score on examples, as it is and with other prompts, with how sure that is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from langgraph_gepa.engine.calls import Calls, going_on
from langgraph_gepa.engine.limits import Slots, settle
from langgraph_gepa.engine.ports import Evaluator
from langgraph_gepa.errors import Interrupted, UsageError
from langgraph_gepa.job import WORLD
from langgraph_gepa.report.intervals import Interval, difference, estimate
from langgraph_gepa.report.words import plural
from langgraph_gepa.result import PROMPTS, Result
from langgraph_gepa.search.example import Example
from langgraph_gepa.search.module import Texts
from langgraph_gepa.session import Brake, run
from langgraph_gepa.store.folder import DATABASE


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Mean scores over the same examples with 95 % intervals. `after` and `difference` (paired) need other prompts."""

    before: Interval
    after: Interval | None = None
    difference: Interval | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        lines = [f"as it is      {_said(self.before)}"]
        if self.after is not None:
            lines.append(f"with prompts  {_said(self.after)}")
        if self.difference is not None:
            lines.append(f"difference    {_said(self.difference, sign=True)}")
        return "\n".join([*lines, f"{plural(self.before.n, 'example')}, 95 % intervals"])


def prompts_of(source: Mapping[str, str] | Path | str) -> Mapping[str, str]:
    """Texts by module name, from a mapping, a run's folder, or a prompts.json. Raises `UsageError`."""
    if isinstance(source, Mapping):
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


def measure(
    evaluator: Evaluator, examples: Sequence[Example], texts: Texts | None, concurrency: int = 16
) -> Evaluation:
    """Runs every example with the graph's own texts, and with `texts` where given, `concurrency` rollouts at once.

    The first failure that no waiting mends is raised; what is under way then ends, nothing else starts.
    """
    own = {module.name: module.text for module in evaluator.modules}
    sides = [own] if texts is None else [own, texts]

    def say(text: str) -> None:
        bar.console.print(text, markup=False, soft_wrap=True)

    async def scores(brake: Brake) -> list[float]:
        calls, slots = Calls(WORLD, say=say), Slots(concurrency)

        def stop(by: str) -> None:
            say(f"{by}: stopping when the rollouts under way have ended; again stops at once. Nothing is kept.")
            calls.stop(by)

        brake.on_pull = stop
        failures: list[Exception] = []

        async def score(side: Texts, example: Example) -> float:
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
            return rollout.score

        try:
            return await settle(score(side, example) for side in sides for example in examples)
        except Interrupted:
            if failures:
                raise failures[0] from failures[0].__cause__
            raise

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("rollouts", total=len(sides) * len(examples))
        found = run(scores)
    before, after = found[: len(examples)], found[len(examples) :]
    first = estimate(before)
    if first is None:
        raise ValueError("no examples")
    return Evaluation(first, estimate(after), difference(before, after) if after else None)


def _said(interval: Interval, sign: bool = False) -> str:
    form = "+.3f" if sign else ".3f"
    return f"{interval.mean:{form}}  [{interval.low:{form}}, {interval.high:{form}}]"
