"""Scores a graph on examples, as it is and with other prompts, with 95 % intervals."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from math import fsum
from pathlib import Path
from typing import Any, Literal

from rich.progress import Progress

from langgraph_gepa.core.common_error import commonest
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.leakage import inputs_key
from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.printable import escaped_json
from langgraph_gepa.core.rollout import Rollout, Usage
from langgraph_gepa.core.scale import MetricScale
from langgraph_gepa.engine.concurrency import Patience
from langgraph_gepa.engine.ports import Evaluator
from langgraph_gepa.engine.purpose import Purpose
from langgraph_gepa.engine.rollouts import Rollouts
from langgraph_gepa.report import words
from langgraph_gepa.report.failed_examples import failure_sentence
from langgraph_gepa.report.intervals import Interval, difference, estimate
from langgraph_gepa.report.screen import Screen
from langgraph_gepa.runs.event_loop import Brake, run
from langgraph_gepa.runs.job import WORLD
from langgraph_gepa.runs.saved_run import SavedRun
from langgraph_gepa.search.score import scale_of
from langgraph_gepa.store.folder import DATABASE

Which = Literal["before", "after"]
SIDES: dict[Which, str] = {"before": "as it is", "after": "with prompts"}


@dataclass(frozen=True, slots=True)
class ScoredRollout:
    """A rollout of an evaluation: `side` says with which prompts, and `repeat` counts from 1."""

    side: Which
    repeat: int
    rollout: Rollout

    def to_json(self) -> dict[str, Any]:
        """A line of what `eval --out` writes."""
        rollout = self.rollout
        return {
            "example": rollout.example,
            "prompts": self.side,
            "repeat": self.repeat,
            "score": rollout.score,
            "comment": rollout.feedback.comment,
            "objectives": dict(rollout.feedback.objectives),
            "outputs": rollout.outputs,
            "error": rollout.error,
            "tokens": rollout.usage.tokens,
            "dollars": rollout.usage.dollars,
            "seconds": rollout.seconds,
        }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Mean scores over the same examples with 95 % intervals. `after` and `difference` (paired) need other prompts.

    `failures` are the errors by example of those on which the graph failed: of "before" and "after". They score
    `failure_score`, which is 0, or the lowest score seen where that is lower. Where each example was run several times,
    `repeats` says how often and its mean score counts; `rollouts` are all of them, and `usage` is what they consumed.
    `repeated` counts examples with the inputs of another one, `learned` those that the prompts' run searched with.
    """

    before: Interval
    after: Interval | None = None
    difference: Interval | None = None
    failures: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    repeated: int = 0
    learned: int = 0
    failure_score: float = 0.0
    repeats: int = 1
    usage: Usage = Usage()
    rollouts: tuple[ScoredRollout, ...] = field(default=(), repr=False)

    @property
    def score(self) -> float:
        """The mean score with the other prompts where there are any, otherwise of the graph as it is."""
        return (self.after or self.before).mean

    def to_json(self) -> dict[str, Any]:
        """All but the single rollouts (see `to_jsonl`)."""
        values = asdict(replace(self, rollouts=()))
        intervals = {"before": self.before, "after": self.after, "difference": self.difference}
        values |= {name: interval and interval.to_json() for name, interval in intervals.items()}
        return {name: value for name, value in values.items() if name != "rollouts"}

    def to_jsonl(self) -> str:
        """A line for each rollout: the example, its score and feedback, the outputs, and what it cost."""
        lines = (json.dumps(rollout.to_json(), ensure_ascii=False) for rollout in self.rollouts)
        return "".join(f"{escaped_json(line)}\n" for line in lines)

    def __str__(self) -> str:
        scores = [one.rollout.score for one in self.rollouts] or [self.before.mean]
        with words.scores_between(min(scores), max(scores)):
            return "\n".join(self._lines())

    def _lines(self) -> list[str]:
        lines = [f"{SIDES['before']:<12}  {_line(self.before)}"]
        if self.after is not None:
            lines.append(f"{SIDES['after']}  {_line(self.after)}")
        if self.difference is not None:
            lines.append(f"difference    {_line(self.difference, signed=True)}")
        examples = words.plural(self.before.n, "example")
        lines.append(f"{examples}{f', each run {self.repeats} times' if self.repeats > 1 else ''}, 95 % intervals")
        rollouts = words.plural(len(self.rollouts), "rollout")
        lines.append(f"cost          {words.cost(self.usage)}, {rollouts}")
        lines += self._failures()
        if self.learned:
            lines.append(f"{self.learned:,} of {examples} took part in the search for these prompts.")
        if self.repeated:
            verb = "repeats" if self.repeated == 1 else "repeat"
            lines.append(f"{self.repeated:,} of {examples} {verb} the inputs of another one.")
        return lines

    def _failures(self) -> list[str]:
        """A sentence for each side on which the graph failed."""
        noun = "example" if self.repeats == 1 else "rollout"
        sentences = []
        for side, how in SIDES.items():
            rollouts = [one.rollout for one in self.rollouts if one.side == side]
            errors = [(rollout.example, rollout.error) for rollout in rollouts if rollout.error]
            if errors:
                count, of, score = len(errors), self.before.n * self.repeats, self.failure_score
                example, error, _ = commonest(errors)
                sentences.append(failure_sentence(count, of, noun, how, example, error, score))
        return sentences


def measure(
    evaluator: Evaluator, examples: Sequence[Example], texts: Texts | None, concurrency: int = 16, repeats: int = 1
) -> Evaluation:
    """Runs every example with the graph's own texts, and with `texts` where given, `repeats` times each.

    Raises as `run_examples` does.
    """
    own = {module.name: module.text for module in evaluator.modules}
    sides = [own] if texts is None else [own, texts]
    runs = [(side, example) for side in sides for example in examples for _ in range(repeats)]
    rollouts = run_examples(
        evaluator, runs, concurrency, WORLD, lambda side: Purpose("before" if side is own else "after", "evaluation")
    )
    half = len(examples) * repeats
    return _compared(rollouts[:half], rollouts[half:], repeats)


def run_examples(
    evaluator: Evaluator,
    runs: Sequence[tuple[Texts, Example]],
    concurrency: int,
    patience: Patience,
    purpose: Callable[[Texts], Purpose | None] = lambda _: None,
) -> list[Rollout]:
    """Runs examples outside a search, `concurrency` at once, with a progress bar; nothing is kept.

    They are run and tried again as those of a search are (see `Rollouts`). The first failure that waiting does not help
    is raised: what is under way then ends, and nothing else starts.
    """
    console = Screen(stderr=True)
    bar = Progress(console=console, transient=True)
    with bar if console.is_terminal and len(runs) > 1 else nullcontext():
        task = bar.add_task("rollouts", total=len(runs))

        def notify(text: str) -> None:
            bar.console.print(text, soft_wrap=True)

        async def run_all(brake: Brake) -> list[Rollout]:
            rollouts = Rollouts(evaluator, concurrency=concurrency, patience=patience, notify=notify)

            def stop(by: str) -> None:
                notify(f"{by}: stopping when the rollouts under way have ended; again stops at once. Nothing is kept.")
                rollouts.calls.stop(by)

            brake.on_pull = stop
            return await rollouts.run_all(runs, lambda: bar.advance(task), purpose)

        return run(run_all)


def searched_with(source: Mapping[str, str] | Path | str | None) -> frozenset[str]:
    """The inputs (see `inputs_key`) that the run in a folder learned from or chose by; none where there is no run."""
    if source is None or isinstance(source, Mapping) or not (Path(source) / DATABASE).exists():
        return frozenset()
    sets = SavedRun.open(source).config.examples
    return frozenset(inputs_key(example) for example in (*sets.feedback, *sets.pareto))


def _compared(before: Sequence[Rollout], after: Sequence[Rollout], repeats: int) -> Evaluation:
    """`before` and `after` have the repeats of an example side by side."""
    seen = MetricScale()
    for rollout in (*before, *after):
        seen = seen.after(rollout.score, failed=rollout.error is not None)
    sides = {name: list(map(seen.settled, side)) for name, side in zip(SIDES, (before, after), strict=True)}
    own, others = (_means([rollout.score for rollout in side], repeats) for side in sides.values())
    scale = scale_of((*own, *others), seen.range[1])
    first = estimate(own, scale)
    if first is None:
        raise ValueError("no examples")
    errors = {
        name: {rollout.example: rollout.error for rollout in side if rollout.error} for name, side in sides.items()
    }
    return Evaluation(
        first,
        estimate(others, scale),
        difference(own, others, scale) if others else None,
        {name: by_example for name, by_example in errors.items() if by_example},
        failure_score=seen.failure_score,
        repeats=repeats,
        usage=sum((rollout.usage for side in sides.values() for rollout in side), Usage()),
        rollouts=tuple(
            ScoredRollout(name, index % repeats + 1, rollout)
            for name, side in sides.items()
            for index, rollout in enumerate(side)
        ),
    )


def _means(scores: Sequence[float], repeats: int) -> list[float]:
    return [fsum(scores[at : at + repeats]) / repeats for at in range(0, len(scores), repeats)]


def _line(interval: Interval, signed: bool = False) -> str:
    write = words.signed if signed else words.score
    mean, low, high = map(write, (interval.mean, interval.low, interval.high))
    return f"{mean}  [{low}, {high}]"
