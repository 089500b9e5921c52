"""Adapts a function of the user's, from (module, text, records) to a text, to the engine's port `Proposer`."""

from __future__ import annotations

import inspect
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from langgraph_gepa.adapter.failures.broken_replies import NoAnswerError
from langgraph_gepa.adapter.failures.classification import error_text, is_world_failure
from langgraph_gepa.adapter.failures.diagnosis import is_no_answer
from langgraph_gepa.adapter.failures.frames import raised_at
from langgraph_gepa.adapter.isolation.persistence import Replacements, isolated
from langgraph_gepa.adapter.rollout.calling import called
from langgraph_gepa.adapter.rollout.redaction import Mask, masked
from langgraph_gepa.adapter.tracing.callback_handler import Tracer, watching
from langgraph_gepa.adapter.tracing.pricing import Prices
from langgraph_gepa.core.json_data import brief, well_formed
from langgraph_gepa.core.module import Module
from langgraph_gepa.engine.ports import Reply
from langgraph_gepa.errors import Error, ModelError, UsageError
from langgraph_gepa.reflection.fences import fenced
from langgraph_gepa.reflection.instructions import NO_CHANGE
from langgraph_gepa.reflection.records import Record

Propose = Callable[[Module, str, Sequence[Record]], str | Awaitable[str | None] | None]


class FunctionProposer:
    """The engine's `Proposer` on a function, sync (run in a thread) or async, that returns `None` for no change.

    Its LangChain model calls are counted in the budget, and the examples in its records are masked by `mask`. Raises
    `UsageError` at once for something that cannot be called with a module, a text and records. A call raises failures
    of the world as they are, and `ModelError` for every other failure and for a value that is no text.
    """

    def __init__(self, function: Propose, *, prices: Prices | None = None) -> None:
        if not callable(function) or not _takes_three(function):
            raise UsageError(
                f"The proposer is {brief(function)}; it must be a function, sync or async, of a module, its text and "
                "records that returns a new text, or None for no change."
            )
        self._function = function
        self._prices = prices
        self.mask: Mask = str

    async def propose(self, module: Module, text: str, records: Sequence[Record]) -> Reply:
        hidden = [
            replace(record, inputs=masked(record.inputs, self.mask), reference=masked(record.reference, self.mask))
            for record in records  # the ledger has masked their rollouts
        ]
        tracer = Tracer(self._prices)
        started = time.perf_counter()
        try:
            with watching(tracer), isolated(Replacements()):
                proposed = await called(self._function, module, text, hidden)
        except Exception as error:
            if isinstance(error, Error) or is_world_failure(error):
                raise
            if is_no_answer(error):
                raise NoAnswerError(f"the proposer's model gave no readable answer ({error_text(error)})") from error
            raise ModelError(f"The proposer raised {error_text(error)}{raised_at(error)}. Fix it.") from error
        if proposed is not None and not isinstance(proposed, str):
            raise ModelError(
                f"The proposer returned {brief(proposed)} for {module.name}: it must return the new text, or None for "
                "no change."
            )
        reply = NO_CHANGE if proposed is None else fenced(well_formed(proposed))
        return Reply(reply, tracer.usage, time.perf_counter() - started)


def _takes_three(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind(None, None, None)
    except TypeError:
        return False
    except ValueError:  # it has no signature that could be read
        return True
    return True
