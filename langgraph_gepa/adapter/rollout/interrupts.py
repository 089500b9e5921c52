"""Answers a graph's interrupts in a human's place, and ends rollouts that would interrupt themselves for ever."""

from __future__ import annotations

import inspect
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.pregel import Pregel
from langgraph.types import Command, Interrupt, StateSnapshot

from langgraph_gepa.adapter.failures.classification import error_text
from langgraph_gepa.core.json_data import brief, plain
from langgraph_gepa.errors import UsageError

Graph = Pregel[Any, Any, Any, Any]
OnInterrupt = Callable[[Any], Any]
INTERRUPTS = "__interrupt__"
MAX_IN_SAME_STATE = 3
"""How often a graph may ask the same question in the same state and get the same answer before its rollout is ended."""
MAX_REPEATED = 10
"""How often it may do so while its state changes."""
MAX_WITHOUT_PROGRESS = 20
"""How many questions it may ask while its state does not change, as in one run of a node."""


class UnansweredInterruptError(Exception):
    """The graph asked a human and nobody was there to answer."""


def interrupts_in(state: Any) -> tuple[Interrupt, ...]:
    return tuple(state.get(INTERRUPTS, ())) if isinstance(state, Mapping) else ()


async def breakpoint_of(graph: Graph, config: RunnableConfig) -> tuple[str, ...]:
    if not (graph.interrupt_before_nodes or graph.interrupt_after_nodes):
        return ()
    return tuple((await graph.aget_state(config)).next)


@dataclass(slots=True)
class Dialogue:
    """The interrupts of one rollout, answered by `answer`; `rounds` counts questions, answers and states.

    A node starts again with every answer and repeats all its calls, so a rollout is ended when a question comes back
    after the same answer, or when a node goes on asking.
    """

    answer: OnInterrupt | None
    rounds: Counter[tuple[str, ...]] = field(default_factory=Counter)

    async def resume(self, state: str, interrupts: tuple[Interrupt, ...], stopped_at: tuple[str, ...]) -> Any:
        """Returns the input that resumes the graph.

        `state` is its `state_key`, `stopped_at` the next nodes at a breakpoint. Raises `UnansweredInterruptError`
        without `answer`, and when the graph would go on asking.
        """
        if self.answer is None:
            value = [one.value for one in interrupts] if interrupts else {"breakpoint": list(stopped_at)}
            raise UnansweredInterruptError(
                f"The graph interrupted itself to ask a human: {brief(value)}. "
                "Give a function that answers in a human's place: RunnerOptions(on_interrupt=lambda value: ...), on "
                "the command line with --options."
            )
        if not interrupts:
            await _answered(self.answer, {"breakpoint": list(stopped_at)})
            return None
        replies = [await _answered(self.answer, one.value) for one in interrupts]
        self._check(state, [one.value for one in interrupts], replies)
        return Command(resume={one.id: reply for one, reply in zip(interrupts, replies, strict=True)})

    def _check(self, state: str, questions: Sequence[Any], replies: Sequence[Any]) -> None:
        """Raises `UnansweredInterruptError` beyond the limits. Questions asked at once count as one round."""
        pairs = list(zip(questions, replies, strict=True))
        exchanges = [(json.dumps(plain(question)), json.dumps(plain(reply))) for question, reply in pairs]
        self.rounds.update({(state,), *exchanges, *((*exchange, state) for exchange in exchanges)})
        for (question, reply), exchange in zip(pairs, exchanges, strict=True):
            same, unchanged = self.rounds[exchange], self.rounds[state,]
            if (
                self.rounds[*exchange, state] < MAX_IN_SAME_STATE
                and same < MAX_REPEATED
                and unchanged <= MAX_WITHOUT_PROGRESS
            ):
                continue
            often = f"this {same} times" if same > 1 else f"{unchanged} questions in the same state, the last of them"
            raise UnansweredInterruptError(
                f"The graph asked a human {often}: {brief(question)}, and would go on asking after the answer "
                f"{brief(reply)}. Give answers that it accepts: RunnerOptions(on_interrupt=lambda value: ...)."
            )


async def state_key(graph: Graph, config: RunnableConfig) -> str:
    """Returns the state of an interrupted graph and its subgraphs as JSON, to be compared."""

    def values(snapshot: Any) -> Any:
        inner = [task.state for task in snapshot.tasks]
        return [snapshot.values, [values(one) for one in inner if isinstance(one, StateSnapshot)]]

    return json.dumps(plain(values(await graph.aget_state(config, subgraphs=True))))


async def _answered(answer: OnInterrupt, value: Any) -> Any:
    try:
        reply = answer(value)
        return await reply if inspect.isawaitable(reply) else reply
    except Exception as error:
        raise UsageError(f"on_interrupt raised {error_text(error)} when asked {brief(value)}") from error
