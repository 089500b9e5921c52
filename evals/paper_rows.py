"""The rows of `paper.py`: each searches for better texts of a benchmark's graph and says what that took."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Any

import dspy_programs

from langgraph_gepa import Budget, optimize
from langgraph_gepa.adapter.reflection_model import ChatReflection
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.engine.retry import Calls
from langgraph_gepa.interop.gepa import LangGraphAdapter
from langgraph_gepa.runs import event_loop
from langgraph_gepa.runs.job import WORLD

ROOT = Path(__file__).parents[1]
TAGS = (
    '<module name="{name}" kind="{kind}">\n</module>\n<current_text>\n<curr_param>\n</current_text>\n'
    "<feedback>\n<side_info>\n</feedback>"
)
"""gepa's data in the tags that a simulated reflection model reads, which understands no English."""


@dataclass(frozen=True, slots=True)
class Task:
    """A benchmark with its models and examples, and what one row may spend: at most about `budget` rollouts.

    `program` names the file of the graph. `models` are by environment variable, the graph's first. `folder` is the
    row's own, where an interrupted row goes on.
    """

    benchmark: str
    program: str
    kinds: tuple[str, ...]
    modules: str | None
    models: Mapping[str, str]
    reflection_lm: str
    simulated: bool
    train: Sequence[Mapping[str, Any]]
    val: Sequence[Mapping[str, Any]]
    test: Sequence[Mapping[str, Any]]
    concurrency: int
    budget: int = 0
    seed: int = 0
    folder: Path = Path()

    @property
    def graph(self) -> str:
        return f"{ROOT / 'graphs' / self.program}.py:graph"

    @property
    def model(self) -> str:
        return next(iter(self.models.values()))

    @property
    def metric(self) -> str:
        return f"{ROOT / 'evals' / self.benchmark}.py:metric"

    def adapter(self, make: Callable[..., LangGraphAdapter] = LangGraphAdapter) -> LangGraphAdapter:
        return make(self.graph, self.metric, kinds=self.kinds, modules=self.modules, concurrency=self.concurrency)


@dataclass(slots=True)
class Cost:
    """What a search took. `dollars` is `None` where a price is unknown."""

    rollouts: int = 0
    reflections: int = 0
    tokens: int = 0
    dollars: float | None = 0.0
    seconds: float = 0.0

    def add(self, usage: Usage) -> None:
        self.tokens += usage.tokens
        known = self.dollars is not None and usage.dollars is not None
        self.dollars = (self.dollars or 0.0) + (usage.dollars or 0.0) if known else None


@dataclass(frozen=True, slots=True)
class Found:
    """The texts that a search ended with, its cost, and the score of each test example in order."""

    texts: Mapping[str, str]
    cost: Cost
    scores: Sequence[float] = field(default=())

    @property
    def characters(self) -> int:
        return sum(map(len, self.texts.values()))


def measured(task: Task, found: Found) -> Found:
    """Scores the texts on the test examples, which counts as no cost of the search."""
    return replace(found, scores=task.adapter().evaluate(task.test, found.texts).scores)


def seed(task: Task) -> Found:
    """The graph as it is."""
    return measured(task, Found(task.adapter().seed_candidate, Cost()))


def ours(task: Task, search: str) -> Found:
    """Our own search, `gepa` or `racing`."""
    result = optimize(
        task.graph,
        task.train,
        task.val,
        metric=task.metric,
        reflection_lm=task.reflection_lm,
        budget=Budget(rollouts=task.budget),
        run=task.folder,
        search=search,
        kinds=task.kinds,
        modules=task.modules,
        seed=task.seed,
        concurrency=task.concurrency,
    )
    spent = result.pool.spent
    cost = Cost(spent.rollouts, spent.reflections, seconds=max((at for at, _ in result.saved.events), default=0.0))
    cost.add(spent.graph + spent.reflection + spent.lost)
    return measured(task, Found(dict(result.prompts), cost))


class Accounts:
    """The cost of a search by an engine that keeps none, on disk, so that an interrupted search goes on with it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.cost = Cost(**json.loads(file.read_text(encoding="utf-8"))) if file.exists() else Cost()
        self._since = monotonic()

    def keep(self) -> None:
        now = monotonic()
        self.cost.seconds += now - self._since
        self._since = now
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps(asdict(self.cost)), encoding="utf-8")
        part.replace(self._file)


def official(task: Task) -> Found:
    """The official engine over the same graph, with its own reflection prompt and defaults, and merges as the paper's
    best rows have them."""
    import gepa

    task.folder.mkdir(parents=True, exist_ok=True)
    accounts = Accounts(task.folder / "accounts.json")
    model, calls = ChatReflection(task.reflection_lm), Calls(WORLD)

    def reflect(prompt: str) -> str:
        reply = event_loop.run(lambda _: calls.make(lambda: model.complete(prompt)))
        accounts.cost.reflections += 1
        accounts.cost.add(reply.usage)
        accounts.keep()
        return reply.text

    class Counted(LangGraphAdapter):
        def evaluate(self, batch: Sequence[Any], candidate: Mapping[str, str], capture_traces: bool = False) -> Any:
            result = super().evaluate(batch, candidate, capture_traces=True)
            trajectories = result.trajectories or []
            accounts.cost.rollouts += len(trajectories)
            for trajectory in trajectories:
                accounts.cost.add(trajectory.rollout.usage)
            accounts.keep()
            return result if capture_traces else replace(result, trajectories=None)

    adapter = task.adapter(Counted)
    names = adapter.seed_candidate
    kinds = {name: "tool" if name.startswith("tool:") else "prompt" for name in names}
    result = gepa.optimize(
        names,
        list(task.train),
        list(task.val),
        adapter=adapter,
        reflection_lm=reflect,
        reflection_prompt_template=(
            {name: TAGS.format(name=name, kind=kinds[name]) for name in names} if task.simulated else None
        ),
        use_merge=True,
        max_metric_calls=task.budget,
        run_dir=str(task.folder / "gepa"),
        logger=Silence(),
        seed=task.seed,
    )
    return measured(task, Found(result.best_candidate, accounts.cost))


class Silence:
    """A logger for gepa."""

    def log(self, message: str) -> None:
        pass


def in_dspy(task: Task, optimizer: str) -> Found:
    """The same program written in DSPy, optimised by one of DSPy's optimizers."""
    task.folder.mkdir(parents=True, exist_ok=True)
    accounts = Accounts(task.folder / "accounts.json")
    with redirect_stdout(sys.stderr):  # where its progress belongs; the table is what is printed
        texts, scores = dspy_programs.optimized(task, optimizer, accounts)
    return Found(texts, accounts.cost, scores)


Row = Callable[[Task], Found]
ROWS: Mapping[str, Row] = {
    "seed": seed,
    "gepa (ours)": lambda task: ours(task, "gepa"),
    "racing (ours)": lambda task: ours(task, "racing"),
    "gepa (official engine)": official,
    "dspy.MIPROv2": lambda task: in_dspy(task, "MIPROv2"),
    "dspy.GEPA": lambda task: in_dspy(task, "GEPA"),
}


def obstacle(row: str, task: Task) -> str | None:
    """Why the row cannot be run here, or `None` when it can."""
    if row.startswith("dspy."):
        return dspy_programs.obstacle(row.removeprefix("dspy."), task.program)
    return None
