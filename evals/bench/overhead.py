"""Our own time, beside gepa's, in one run: an iteration's bookkeeping, a recorded rollout, a traced rollout.

    python evals/bench/overhead.py            everything, about ten minutes
    python evals/bench/overhead.py --quick    the small pools, and fewer traced rollouts

The pools are filled before the clock starts: candidates that solve each example with a chance that
grows from .3 to .7, the same table of scores for both. Then the real loops of both run over them
with rollouts and reflections that take no time. On disk every rollout, reply and event of ours is
synced before the next step, about eleven times an iteration, so that column depends on the disk;
gepa writes its state once an iteration and leaves the syncing to the system. The column `raced` is of
`search="racing"` with a child admitted and stopped after six examples in every iteration: its posterior
is fitted anew for each, which a rejected child spares.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, TypedDict

from gepa.api import optimize as gepa_optimize
from gepa.core.adapter import EvaluationBatch
from gepa.core.state import GEPAState, ValsetEvaluation

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.candidate import Candidate, texts_key
from langgraph_gepa.core.events import (
    CandidateAdmitted,
    Event,
    IterationFinished,
    IterationStarted,
    RolloutFinished,
    RunStarted,
)
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Texts
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.optimizer import Examples, Optimizer
from langgraph_gepa.engine.ports import Store
from langgraph_gepa.engine.proposing import Reflector
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.rules import GEPA, RACING, Rules
from langgraph_gepa.store.folder import open_run
from langgraph_gepa.store.memory import MemoryStore
from langgraph_gepa.testing import FakeEvaluator, FakeLanguageModel

Moment = tuple[float, float]
"""Processor time and time on the wall."""

POOLS, SETS = (50, 200, 500), (100, 500, 2000)
ITERATIONS = 7
MODULES = ("m0", "m1", "m2")
FEEDBACK = [f"f{place}" for place in range(50)]


def table(pool: int, examples: int) -> list[list[float]]:
    """Scores by candidate and example."""
    rng = Random(f"{pool}:{examples}")
    return [[float(rng.random() < 0.3 + 0.4 * id / pool) for _ in range(examples)] for id in range(pool)]


def texts_of(id: int) -> dict[str, str]:
    return {name: f"text {id} of {name}" for name in MODULES}


class Prefilled:
    """A store whose journal begins with a pool that was never written down."""

    def __init__(self, scores: list[list[float]], store: Store, rules: Rules) -> None:
        self._scores = scores
        self._store = store
        self._rules = rules

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def events(self) -> Iterator[tuple[float, Event]]:
        return ((0.0, event) for event in self._filled())

    def _filled(self) -> Iterator[Event]:
        ids = tuple(f"p{place}" for place in range(len(self._scores[0])))
        yield RunStarted(texts_of(0), tuple(FEEDBACK), ids, judged_by=self._rules.judged_by)
        for id, row in enumerate(self._scores):
            texts = texts_of(id)
            key, parents = texts_key(texts), (Random(id).randrange(id),) if id else ()
            if id:
                yield IterationStarted(id, parents, ())
            for example, score in zip(ids, row, strict=True):
                yield RolloutFinished(id, key, example, "pareto", score, Usage(), 0.0, "")
            yield CandidateAdmitted(id, Candidate(id, texts, parents))
            yield IterationFinished(id, "rejected")  # no merge is due


def ours(scores: list[list[float]], store: Store, rules: Rules = GEPA, better: float = 0.0) -> Moment:
    """Milliseconds of an iteration, medians. New texts score `better` on feedback, and nothing on the pareto set."""

    def score(texts: Texts, example: Example) -> float:
        if better and example.id.startswith("p"):
            return 0.0
        return 0.5 + better * any("new" in text for text in texts.values())

    async def search() -> list[Moment]:
        starts: list[Moment] = []

        def watch(event: Event, pool: Pool, at: float) -> None:  # noqa: ARG001  # the port's names
            if isinstance(event, IterationStarted):
                starts.append((time.thread_time(), time.perf_counter()))

        evaluator = FakeEvaluator(texts_of(0), score)
        model = FakeLanguageModel(lambda _: f"```\na new text of {len(model.prompts)}\n```")
        prefilled: Any = Prefilled(scores, store, rules)
        ledger = Ledger(evaluator, model, prefilled, observers=[watch])
        examples = Examples(
            [Example(id, {"question": id}) for id in FEEDBACK],
            [Example(f"p{place}", {"question": "p"}) for place in range(len(scores[0]))],
        )
        budget = Budget(iterations=len(scores) - 1 + ITERATIONS)
        await Optimizer(ledger, Reflector(ledger, evaluator), evaluator.modules, examples, budget, rules).run()
        store.close()
        return starts

    return _medians(asyncio.run(search()))


class Adapter:
    """gepa's side of the same: rollouts that all score one half."""

    propose_new_texts = None

    def evaluate(
        self,
        batch: Sequence[Any],
        candidate: Mapping[str, str],  # noqa: ARG002  # gepa's interface
        capture_traces: bool = False,
    ) -> EvaluationBatch[Any, Any]:
        size = len(batch)
        return EvaluationBatch([None] * size, [0.5] * size, [None] * size if capture_traces else None)

    def make_reflective_dataset(
        self,
        candidate: Mapping[str, str],  # noqa: ARG002  # gepa's interface
        batch: EvaluationBatch[Any, Any],
        components: Sequence[str],
    ) -> dict[str, list[dict[str, str]]]:
        return {name: [{"Feedback": "scored 0.5"}] * len(batch.scores) for name in components}


class Silent:
    def log(self, message: str) -> None:
        pass


def theirs(scores: list[list[float]], folder: Path) -> Moment:
    """The same of gepa."""
    state: GEPAState[Any, Any] = GEPAState(texts_of(0), _evaluation(scores[0]))
    state.num_full_ds_evals, state.total_num_evals, state.i = 1, len(scores[0]), len(scores)
    for id, row in enumerate(scores[1:], 1):
        parent = Random(id).randrange(id)
        state.update_state_with_new_program([parent], texts_of(id), _evaluation(row), None, 0)
    folder.mkdir()
    state.save(str(folder))
    adapter: Any = Adapter()
    starts: list[Moment] = []

    def stop(gepa_state: GEPAState[Any, Any]) -> bool:  # noqa: ARG001  # gepa's name
        starts.append((time.thread_time(), time.perf_counter()))
        return len(starts) > ITERATIONS

    gepa_optimize(
        texts_of(0),
        trainset=list(FEEDBACK),
        valset=list(range(len(scores[0]))),
        adapter=adapter,
        reflection_lm=lambda _: "```\nanother text\n```",
        stop_callbacks=stop,
        run_dir=str(folder),
        logger=Silent(),
    )
    return _medians(starts)


def _medians(starts: Sequence[Moment]) -> Moment:
    """Milliseconds between starts."""
    laps = [(after[0] - before[0], after[1] - before[1]) for before, after in pairwise(starts)]
    return 1000 * statistics.median(cpu for cpu, _ in laps), 1000 * statistics.median(wall for _, wall in laps)


def _always(outputs: Any) -> float:  # noqa: ARG001  # a metric has to ask for something
    return 1.0


def _evaluation(row: list[float]) -> ValsetEvaluation[Any, Any]:
    return ValsetEvaluation(dict.fromkeys(range(len(row))), dict(enumerate(row)))


def bookkeeping(pools: Sequence[int], sets: Sequence[int]) -> None:
    print("\nAn iteration that ends in a rejection, ms, medians: processor time, and on the wall with the run on disk")
    print(f"{'':>21} {'processor':>34} {'wall, on disk':>19}")
    print(
        f"{'candidates':>10} {'pareto set':>10} {'ours':>8} {'raced':>8} "
        f"{'gepa':>9} {'ratio':>6} {'ours':>9} {'gepa':>9}"
    )
    for pool in pools:
        for examples in sets:
            scores = table(pool, examples)
            with tempfile.TemporaryDirectory() as folder:
                memory, disk = ours(scores, MemoryStore()), ours(scores, open_run(Path(folder, "ours"), create=True))
                raced = ours(scores, MemoryStore(), RACING, better=0.25)
                other = theirs(scores, Path(folder, "gepa"))
            print(
                f"{pool:>10} {examples:>10} {memory[0]:>8.1f} {raced[0]:>8.1f} "
                f"{other[0]:>9.1f} {other[0] / memory[0]:>6.1f} {disk[1]:>9.1f} {other[1]:>9.1f}",
                flush=True,
            )


def traced(rollouts: int) -> None:
    """A traced, scored rollout against a bare `ainvoke` of the same graph, alternating."""
    from langchain_core.language_models import GenericFakeChatModel
    from langchain_core.messages import AIMessage
    from langchain_core.prompts import ChatPromptTemplate
    from langgraph.graph import END, START, StateGraph

    from langgraph_gepa.adapter.discovery.survey import survey
    from langgraph_gepa.adapter.rollout.evaluator import GraphEvaluator

    class State(TypedDict):
        question: str
        plan: str
        answer: str

    model = GenericFakeChatModel(messages=iter(lambda: AIMessage("a reply of some words"), None))
    plan = ChatPromptTemplate.from_messages([("system", "Plan how to answer."), ("user", "{question}")]) | model
    write = ChatPromptTemplate.from_messages([("system", "Write the answer by the plan."), ("user", "{plan}")]) | model

    async def planner(state: State) -> dict[str, Any]:
        return {"plan": (await plan.ainvoke({"question": state["question"]})).content}

    async def writer(state: State) -> dict[str, Any]:
        return {"answer": (await write.ainvoke({"plan": state["plan"]})).content}

    builder = StateGraph(State)
    builder.add_node("planner", planner)
    builder.add_node("writer", writer)
    builder.add_edge(START, "planner")
    builder.add_edge("planner", "writer")
    builder.add_edge("writer", END)
    graph = builder.compile()
    evaluator = GraphEvaluator(survey(graph), _always)
    texts = {module.name: module.text for module in evaluator.modules}
    example = Example("e", {"question": "What is it?"})

    async def measured() -> tuple[list[float], list[float]]:
        bare: list[float] = []
        watched: list[float] = []
        for turn in range(rollouts + 20):
            began = time.perf_counter()
            await graph.ainvoke(dict(example.inputs))  # type: ignore[call-overload]  # plain data for a TypedDict
            middle = time.perf_counter()
            await evaluator.evaluate(texts, example)
            ended = time.perf_counter()
            if turn >= 20:
                bare.append(middle - began)
                watched.append(ended - middle)
        return bare, watched

    bare, watched = asyncio.run(measured())
    plain, ours = 1000 * statistics.median(bare), 1000 * statistics.median(watched)
    print(f"\nA rollout of a graph of two model calls that take no time, median of {rollouts}")
    print(f"bare ainvoke {plain:.2f} ms, traced and scored {ours:.2f} ms: {ours - plain:+.2f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--skip-bookkeeping", action="store_true")
    asked = parser.parse_args()
    if not asked.skip_bookkeeping:
        bookkeeping(POOLS[:2] if asked.quick else POOLS, SETS[:2] if asked.quick else SETS)
    traced(50 if asked.quick else 300)


if __name__ == "__main__":
    main()
