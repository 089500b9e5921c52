"""Asks the critic for its opinion of an edit, before anything is run with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from langgraph_gepa.core.example import digest
from langgraph_gepa.core.opinion import Opinion
from langgraph_gepa.engine.allowance import BudgetSpent
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.ports import TooLong, Unanswered
from langgraph_gepa.reflection.critic import TOKENS, Proposed, critic_prompt, parse_opinions
from langgraph_gepa.reflection.records import Record

SHORTER = 4
"""How often a prompt that is too long for the critic is halved."""


@dataclass(frozen=True, slots=True)
class Critic:
    """The critic of a run. `tokens` bounds the records that it reads; `objective` is what the graph is for."""

    ledger: Ledger
    tokens: int = TOKENS
    objective: str = ""

    async def opinions(
        self, edit: Sequence[Proposed], records: Sequence[Record], iteration: int
    ) -> Mapping[str, Opinion]:
        """Returns the critic's opinions of an edit by module; none when it gives no reply, or one that cannot be read.

        One reply has all of them and is paid for once: a resumed run reads it again, although its prompt may differ.
        There are no opinions either when the budget's reflections are spent: the edit is then tried without.
        """
        what = digest([[part.module.name, part.old, part.new] for part in edit])
        tokens = self.tokens
        for _ in range(SHORTER):
            prompt = critic_prompt(edit, records, tokens=tokens, objective=self.objective)
            try:
                reply = await self.ledger.replies.opinion(what, prompt, iteration)
            except TooLong:
                tokens //= 2
                continue
            except Unanswered:
                break
            except BudgetSpent as spent:
                if spent.limit != "reflections":
                    raise
                break
            return parse_opinions(reply.text, [part.module.name for part in edit])
        return {}
