"""Reflection on one module: prompt, reply, parsing, and one chance to mend broken placeholders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.ports import Evaluator, Unanswered
from langgraph_gepa.search.module import Module
from langgraph_gepa.search.reflection import Record, reflection_prompt, retry_prompt
from langgraph_gepa.search.reply import Proposal, parse_reply


@dataclass(frozen=True, slots=True)
class Reflector:
    """`tokens` bounds a reflection prompt; `objective` is the user's own word on what the graph is for."""

    ledger: Ledger
    evaluator: Evaluator
    tokens: int = 24_000
    objective: str = ""

    async def propose(self, module: Module, text: str, records: Sequence[Record], iteration: int) -> Proposal:
        """A new text for `module` from what went wrong, or why there is none."""
        try:
            return await self._propose(module, text, records, iteration)
        except Unanswered as unanswered:
            return Proposal(text=None, reason=str(unanswered))

    async def _propose(self, module: Module, text: str, records: Sequence[Record], iteration: int) -> Proposal:
        prompt = reflection_prompt(module, text, records, tokens=self.tokens, objective=self.objective)
        reply = await self.ledger.reply(prompt, iteration, module.name)
        proposal = parse_reply(reply.text, text)
        if proposal.text is None or (broken := self.evaluator.check(module.name, proposal.text)) is None:
            return proposal
        again = await self.ledger.reply(retry_prompt(prompt, reply.text, broken), iteration, module.name)
        proposal = parse_reply(again.text, text)
        if proposal.text is None or (broken := self.evaluator.check(module.name, proposal.text)) is None:
            return proposal
        return Proposal(text=None, reason=broken)
