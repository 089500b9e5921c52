"""Reflection on one module: prompt, reply, parsing, and one chance to repair broken placeholders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.ports import Evaluator, Reply, TooLong, Unanswered
from langgraph_gepa.search.module import Module
from langgraph_gepa.search.reflection import Record, reflection_prompt, retry_prompt
from langgraph_gepa.search.reply import Proposal, parse_reply


@dataclass(frozen=True, slots=True)
class Reflector:
    """`tokens` bounds a reflection prompt, which is shortened further where the model does not take it; `objective` is
    the user's own word on what the graph is for."""

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
        prompt, reply = await self._reply(module, text, records, iteration)
        proposal = parse_reply(reply.text, text)
        if proposal.text is None or (broken := self.evaluator.check(module.name, proposal.text)) is None:
            return proposal
        try:
            again = await self.ledger.reply(retry_prompt(prompt, reply.text, broken), iteration, module.name)
        except TooLong:
            return Proposal(text=None, reason=broken)
        proposal = parse_reply(again.text, text)
        if proposal.text is None or (broken := self.evaluator.check(module.name, proposal.text)) is None:
            return proposal
        return Proposal(text=None, reason=broken)

    async def _reply(self, module: Module, text: str, records: Sequence[Record], iteration: int) -> tuple[str, Reply]:
        """The reply to the longest prompt that the model takes, and that prompt. Raises `Unanswered` without one.

        What one prompt is refused for is not remembered for the next, so that a resumed run asks the same again.
        """

        def written(tokens: int, records: Sequence[Record]) -> str:
            return reflection_prompt(module, text, records, tokens=tokens, objective=self.objective)

        why = ""
        for prompt in _ever_shorter(written, self.tokens, records):
            try:
                return prompt, await self.ledger.reply(prompt, iteration, module.name)
            except TooLong as refused:
                why = str(refused)
        raise Unanswered(f"{why}, even with a single record cut short")


def _ever_shorter(
    written: Callable[[int, Sequence[Record]], str], tokens: int, records: Sequence[Record]
) -> Iterator[str]:
    """Prompts with half the room for what the records hold each time, then with half the records."""
    shortest: int | None = None
    while True:
        prompt = written(tokens, records)
        if shortest is None or len(prompt) < shortest:
            yield prompt
            shortest, tokens = len(prompt), tokens // 2
        elif len(records) > 1:
            records = records[: len(records) // 2]
        else:
            return
