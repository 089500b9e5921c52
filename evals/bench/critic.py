"""A critic of known accuracy in a simulated world, for `search.py --critic`.

It is asked and paid for as a real one is; that a model would be right so often is not said.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from worlds import World

from langgraph_gepa.core.events import IterationStarted
from langgraph_gepa.core.opinion import Opinion
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.ports import Reply
from langgraph_gepa.reflection.critic import Proposed, parse_opinions
from langgraph_gepa.reflection.records import Record

NOTHING = 1e-9


class WorldCriticModel:
    """Says of each text whether it raises the world's expected score by itself, and is `right` with this chance."""

    def __init__(self, world: World, right: float) -> None:
        self.world = world
        self.right = right
        self.opinions = 0

    async def complete(self, prompt: str, *, longer: bool = False) -> Reply:  # noqa: ARG002  # the port's name
        self.opinions += 1
        asked = json.loads(prompt)
        rng = Random(f"{self.world.seed}:{prompt}")
        before, said = self.world.worth(asked["texts"]), {}
        for name, text in asked["edit"].items():
            helps = self.world.worth({**asked["texts"], name: text}) > before + NOTHING
            likely = helps if rng.random() < self.right else not helps
            said[name] = {"helps": rng.randint(65, 85) if likely else rng.randint(15, 35)}
        return Reply(f"```json\n{json.dumps(said)}\n```")


@dataclass(frozen=True)
class WorldCritic:
    """In the place of `Critic`: the ledger and the parser are real, the prompt is not a prompt."""

    ledger: Ledger

    async def opinions(
        self,
        edit: Sequence[Proposed],
        records: Sequence[Record],  # noqa: ARG002  # the engine's name
        iteration: int,
    ) -> Mapping[str, Opinion]:
        pool = self.ledger.pool
        begun = next(event for event in pool.open[iteration] if isinstance(event, IterationStarted))
        parent, new = pool.candidates[begun.parents[0]].texts, {part.module.name: part.new for part in edit}
        prompt = json.dumps({"texts": dict(parent), "edit": new, "iteration": iteration})
        reply = await self.ledger.replies.opinion(prompt, prompt, iteration)
        return parse_opinions(reply.text, list(new))
