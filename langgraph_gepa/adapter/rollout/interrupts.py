"""Questions that a graph asks a human: answered in a rollout, and ended where asking leads nowhere."""

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

from langgraph_gepa.adapter.failures.classification import words
from langgraph_gepa.core.json_data import plain
from langgraph_gepa.errors import UsageError

Graph = Pregel[Any, Any, Any, Any]
OnInterrupt = Callable[[Any], Any]
INTERRUPTS = "__interrupt__"
MOST_UNCHANGED = 3
"""How often a graph asks the same, in the same state and with the same answer, until its rollout is ended."""
MOST_ASKED = 10
"""The same where its state changes meanwhile."""
MOST_IN_NODE = 20
"""How many questions it may ask without a change of its state, as in one run of a node."""


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
    """What a graph asked a human in one rollout, and what `answer` said.

    A node begins again with every answer it gets and makes all its calls again. So the rollout ends when a question
    comes back after the same answer, and when a node asks on and on.
    """

    answer: OnInterrupt | None
    rounds: Counter[tuple[str, ...]] = field(default_factory=Counter)

    async def resume(self, state: str, asked: tuple[Interrupt, ...], stopped_at: tuple[str, ...]) -> Any:
        """What the graph goes on with. `state` is what it stands at, subgraphs included."""
        if self.answer is None:
            value = [one.value for one in asked] if asked else {"breakpoint": list(stopped_at)}
            raise UnansweredInterruptError(
                f"The graph interrupted itself to ask a human: {_brief(value)}. "
                "Give a function that answers in a human's place: RunnerOptions(on_interrupt=lambda value: ...), on "
                "the command line with --options."
            )
        if not asked:
            await _answered(self.answer, {"breakpoint": list(stopped_at)})
            return None
        replies = [await _answered(self.answer, one.value) for one in asked]
        self._check(state, [one.value for one in asked], replies)
        return Command(resume={one.id: reply for one, reply in zip(asked, replies, strict=True)})

    def _check(self, state: str, questions: Sequence[Any], replies: Sequence[Any]) -> None:
        """Raises `UnansweredInterruptError` when asking leads nowhere. What several nodes ask at once counts once."""
        pairs = list(zip(questions, replies, strict=True))
        exchanges = [(json.dumps(plain(question)), json.dumps(plain(reply))) for question, reply in pairs]
        self.rounds.update({(state,), *exchanges, *((*exchange, state) for exchange in exchanges)})
        for (question, reply), exchange in zip(pairs, exchanges, strict=True):
            same, unchanged = self.rounds[exchange], self.rounds[state,]
            if self.rounds[*exchange, state] < MOST_UNCHANGED and same < MOST_ASKED and unchanged <= MOST_IN_NODE:
                continue
            often = f"this {same} times" if same > 1 else f"{unchanged} questions in the same state, the last of them"
            raise UnansweredInterruptError(
                f"The graph asked a human {often}: {_brief(question)}, and would go on asking after the answer "
                f"{_brief(reply)}. Give answers that it accepts: RunnerOptions(on_interrupt=lambda value: ...)."
            )


async def standing_at(graph: Graph, config: RunnableConfig) -> str:
    """What an interrupted graph and its subgraphs stand at."""

    def values(snapshot: Any) -> Any:
        inner = [task.state for task in snapshot.tasks]
        return [snapshot.values, [values(one) for one in inner if isinstance(one, StateSnapshot)]]

    return json.dumps(plain(values(await graph.aget_state(config, subgraphs=True))))


async def _answered(answer: OnInterrupt, value: Any) -> Any:
    try:
        reply = answer(value)
        return await reply if inspect.isawaitable(reply) else reply
    except Exception as error:
        raise UsageError(f"on_interrupt raised {words(error)} when asked {_brief(value)}") from error


def _brief(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
