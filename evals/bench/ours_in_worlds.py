"""Our engine in the simulated worlds: the real `Optimizer`, ledger and store, with a world as graph and models."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from critic import WorldCritic, WorldCriticModel
from curves import Curve, Watch
from worlds import Texts, World, heeding

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.candidate import Candidate
from langgraph_gepa.core.edit import Edit
from langgraph_gepa.core.events import Event
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Module
from langgraph_gepa.core.rollout import Call, Feedback, Rollout
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.optimizer import Examples, Optimizer
from langgraph_gepa.engine.ports import Reply
from langgraph_gepa.reflection.proposal import Proposal
from langgraph_gepa.reflection.records import Record
from langgraph_gepa.reflection.rejected import MOST
from langgraph_gepa.reflection.reply_parser import parse_reply
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.search.rules import Rules
from langgraph_gepa.store.memory import MemoryStore


class SimulatedReflection:
    """The reflection of a world. The same text and notes are answered differently each time they come."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    def __call__(
        self, text: str, records: Sequence[tuple[float, Sequence[str]]], rejected: Sequence[tuple[str, str]] = ()
    ) -> str:
        self.watch.reflections += 1
        rng = Random(f"{self.watch.world.seed}:{self.watch.reflections}:{text}:{records}")
        return heeding(self.watch.world.reflect(text, records, rng), text, rejected, rng)


class WorldEvaluator:
    """A world as our engine's `Evaluator`."""

    fingerprint = "simulated"

    def __init__(self, world: World) -> None:
        self.world = world
        self.modules = tuple(Module(name, "prompt", world.seed_texts[name]) for name in world.modules)
        self._tasks = {str(task.id): task for task in (*world.feedback, *world.pareto)}

    def check(self, module: str, text: str) -> str | None:  # noqa: ARG002  # no placeholders here
        return None

    async def evaluate(self, texts: Texts, example: Example) -> Rollout:
        seen = self.world.run(texts, self._tasks[example.id])
        notes = {name: json.dumps(said) for name, said in seen.notes.items() if said}
        calls = tuple(Call("model", name, "simulated", [], modules=(name,)) for name in seen.called)
        return Rollout(example.id, None, Feedback(seen.score, "", notes), calls, nodes=seen.called)


class WorldModel:
    """A world's reflection as our engine's `LanguageModel`: the prompt is plain data."""

    def __init__(self, reflection: SimulatedReflection) -> None:
        self._reflection = reflection

    async def complete(self, prompt: str) -> Reply:
        asked = json.loads(prompt)
        text = self._reflection(asked["text"], asked["records"], asked["rejected"])
        return Reply("NO CHANGE" if text == asked["text"] else f"```\n{text}\n```")


@dataclass(frozen=True)
class WorldReflector:
    """In the place of `Reflector`: the ledger and the parser are real, the prompt is not a prompt.

    As the built-in prompt does, it leaves out earlier edits that did not help unless it `shows_rejected`.
    """

    ledger: Ledger
    shows_rejected: bool = False

    async def propose(
        self, module: Module, text: str, records: Sequence[Record], iteration: int, rejected: Sequence[Edit] = ()
    ) -> Proposal:
        shown = [(r.rollout.score, json.loads(r.rollout.feedback.by_module.get(module.name, "[]"))) for r in records]
        # A prompt of its own for each iteration: the simulated model answers the same one differently each time.
        edits = [(edit.old, edit.new) for edit in (rejected[:MOST] if self.shows_rejected else ())]
        prompt = json.dumps({"text": text, "records": shown, "rejected": edits, "iteration": iteration})
        reply = await self.ledger.replies.reflection(prompt, iteration, module.name)
        return parse_reply(reply.text, text)


def ours(
    world: World,
    rollouts: int,
    rules: Rules,
    in_flight: int = 1,
    critic: float | None = None,
    *,
    shows_rejected: bool = False,
    oracle: bool = False,
) -> Curve:
    """Our engine in a world; `critic` is how often its critic is right, if it has one.

    With `oracle` what counts is the candidate that is truly the best of the pool, which no search can know.
    """
    watch = Watch(world)
    gains: dict[str, float] = {}

    def gain(candidate: Candidate) -> float:
        if candidate.key not in gains:
            gains[candidate.key] = world.gain(candidate.texts)
        return gains[candidate.key]

    def chosen(pool: Pool) -> Texts:
        return (max(pool.candidates, key=gain) if oracle else pool.best).texts

    def observe(event: Event, pool: Pool, at: float) -> None:  # noqa: ARG001  # the port's names
        if pool.candidates:
            watch.see(pool.spent.rollouts, lambda: chosen(pool))

    async def search() -> Pool:
        evaluator = WorldEvaluator(world)
        model = WorldModel(SimulatedReflection(watch))
        critical = None if critic is None else WorldCriticModel(world, critic)
        if critical is not None:
            watch.opinions = lambda: critical.opinions
        ledger = Ledger(evaluator, model, MemoryStore(), critic=critical, observers=[observe])
        examples = Examples(
            [Example(str(task.id), {"task": task.id}) for task in world.feedback],
            [Example(str(task.id), {"task": task.id}) for task in world.pareto],
        )
        reflector: Any = WorldReflector(ledger, shows_rejected)
        judge: Any = None if critical is None else WorldCritic(ledger)
        budget = Budget(rollouts=rollouts)
        return await Optimizer(
            ledger,
            reflector,
            evaluator.modules,
            examples,
            budget,
            rules,
            seed=world.seed,
            in_flight=in_flight,
            critic=judge,
        ).run()

    pool = asyncio.run(search())
    return watch.end(pool.spent.rollouts, chosen(pool))
