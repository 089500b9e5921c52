"""A real LangGraph graph over models that take their time, and a clock that watches who waits."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, TypedDict

from curves import Watch
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.prompts import ChatPromptTemplate
from langgraph.graph import END, START, StateGraph
from ours_in_worlds import SimulatedReflection, WorldEvaluator, WorldModel
from waits import Run
from worlds import Texts, World

from langgraph_gepa import Feedback as Scored
from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.rollout.evaluator import GraphEvaluator
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.engine.optimizer import Examples
from langgraph_gepa.engine.ports import Reply

ROLLOUT, REFLECTION, SPREAD = 4.0, 15.0, 0.5
"""Seconds of a rollout and of a reflection, medians, and how far their logarithms spread."""


@dataclass
class Pace:
    """How long the simulated models take. `compress`: how many times shorter than they would."""

    rng: Random
    compress: float = 1.0

    async def wait(self, median: float) -> None:
        await asyncio.sleep(median * self.rng.lognormvariate(0.0, SPREAD) / self.compress)


class Clock(Watch):
    """What would be returned when, and how many rollouts are under way, in seconds that are not compressed."""

    def __init__(self, world: World, loop: asyncio.AbstractEventLoop, pace: Pace) -> None:
        super().__init__(world)
        self.loop, self.pace = loop, pace
        self.begun, self._computed = loop.time(), time.process_time()
        self.rollouts = self.under_way = 0
        self.seen: list[tuple[float, int, Texts]] = []
        self._busy = self._since = 0.0
        self._ends: list[tuple[float, float]] = []

    @property
    def now(self) -> float:
        return (self.loop.time() - self.begun) * self.pace.compress

    def enter(self, step: int) -> None:
        """A rollout begins (1) or ends (-1)."""
        self._busy, self._since = self._busy + self.under_way * (self.now - self._since), self.now
        self.under_way += step
        if step < 0:
            self.rollouts += 1
            self._ends.append((self.now, self._busy))

    def note(self, best: Texts) -> None:
        if not self.seen or self.seen[-1][2] != best:
            self.seen.append((self.now, self.rollouts, best))

    def run(self) -> Run:
        seconds = self.now
        until, busy = self._ends[len(self._ends) * 9 // 10]
        computed = time.process_time() - self._computed
        gains = tuple((at / 60, rollouts, self.world.gain(texts)) for at, rollouts, texts in self.seen)
        share = computed * self.pace.compress / seconds
        most, whole = busy / until, self._busy / seconds
        return Run(gains, seconds / 60, self.rollouts, self.reflections, whole, most, share)


class SlowModel(BaseChatModel):
    """Answers with the system prompt it was given, after a while."""

    pace: Any
    median: float

    @property
    def _llm_type(self) -> str:
        return "simulated"

    def _generate(self, *_: Any, **__: Any) -> ChatResult:
        raise NotImplementedError("a simulated model that waits without a thread: use ainvoke")

    async def _agenerate(self, messages: Sequence[Any], *_: Any, **__: Any) -> ChatResult:
        await self.pace.wait(self.median)
        return ChatResult(generations=[ChatGeneration(message=AIMessage(messages[0].content))])


class State(TypedDict, total=False):
    task: int
    said: dict[str, str]


def headed(name: str, text: str) -> str:
    """What the graph holds. Worlds begin with equal texts, and equal texts of one line of code are one module."""
    return f"You are {name}.\n{text}"


def graph_of(world: World, pace: Pace) -> Any:
    """A chain of one model node for each module, whose system prompt is the module's text."""
    # The sum of some lognormals is wider than they are: their median is corrected for it (Fenton, Wilkinson).
    count = len(world.modules)
    model = SlowModel(pace=pace, median=ROLLOUT / count * 0.93)
    builder = StateGraph(State)

    def node(name: str) -> Callable[[State], Any]:
        system = headed(name, world.seed_texts[name])
        chain = ChatPromptTemplate.from_messages([("system", system), ("user", "{task}")]) | model

        async def run(state: State) -> State:
            reply = await chain.ainvoke({"task": state["task"]})
            return {"said": {**state.get("said", {}), name: str(reply.content)}}

        return run

    for name, before in zip(world.modules, (START, *world.modules), strict=False):
        builder.add_node(name, node(name))
        builder.add_edge(before, name)
    builder.add_edge(world.modules[-1], END)
    return builder.compile()


@dataclass
class Watched:
    """Our evaluator on the graph of a world, with the clock running."""

    clock: Clock
    evaluator: GraphEvaluator = field(init=False)

    def __post_init__(self) -> None:
        world = self.clock.world
        tasks = {task.id: task for task in (*world.feedback, *world.pareto)}
        found = survey(graph_of(world, self.clock.pace))
        self.module_of = dict(zip(world.modules, (module.name for module in found.modules), strict=True))

        async def metric(inputs: dict[str, Any], outputs: dict[str, Any]) -> Scored:
            seen = world.run(outputs["said"], tasks[inputs["task"]])
            return Scored(seen.score, "", {self.module_of[name]: json.dumps(said) for name, said in seen.notes.items()})

        self.evaluator = GraphEvaluator(found, metric)
        self.modules = tuple(
            replace(m, text=world.seed_texts[n]) for n, m in zip(world.modules, found.modules, strict=True)
        )
        self.fingerprint, self.check = "simulated", self.evaluator.check

    async def evaluate(self, texts: Texts, example: Example) -> Rollout:
        self.clock.enter(1)
        try:
            held = {module: headed(name, texts[module]) for name, module in self.module_of.items()}
            return await self.evaluator.evaluate(held, example)
        finally:
            self.clock.enter(-1)

    def texts_of(self, texts: Texts) -> dict[str, str]:
        """By the world's own names."""
        return {name: texts[module] for name, module in self.module_of.items()}


class SlowWorld(WorldEvaluator):
    """The same without a graph, for many runs: a rollout is a wait and a score."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock.world)
        self.clock = clock

    async def evaluate(self, texts: Texts, example: Example) -> Rollout:
        self.clock.enter(1)
        await self.clock.pace.wait(ROLLOUT)
        self.clock.enter(-1)
        return await super().evaluate(texts, example)

    def texts_of(self, texts: Texts) -> Texts:
        return texts


class SlowReflection(WorldModel):
    def __init__(self, clock: Clock) -> None:
        super().__init__(SimulatedReflection(clock))
        self.pace = clock.pace

    async def complete(self, prompt: str) -> Reply:
        await self.pace.wait(REFLECTION)
        return await super().complete(prompt)


def examples_of(world: World) -> Examples:
    sets = [[Example(str(task.id), {"task": task.id}) for task in tasks] for tasks in (world.feedback, world.pareto)]
    return Examples(*sets)
