"""How rollouts are run: the options that a user sets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.store.base import BaseStore

from langgraph_gepa.adapter.failures.causes import chain
from langgraph_gepa.adapter.failures.classification import (
    Border,
    Verdict,
    Witnessed,
    is_declared,
    is_lasting,
    is_pressure,
    is_world_failure,
    of_the_world,
    verdict,
)
from langgraph_gepa.adapter.rollout.interrupts import (
    OnInterrupt,
)
from langgraph_gepa.adapter.rollout.redaction import Mask
from langgraph_gepa.adapter.tools.stand_ins import StandIns
from langgraph_gepa.adapter.tools.tool_cache import ToolCache
from langgraph_gepa.adapter.tracing.pricing import Prices
from langgraph_gepa.core.example import Example


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerOptions:
    """How rollouts are run. `config` and `context` may be functions of the example.

    - `timeout`: seconds for one rollout, `None` for no limit;
    - `recursion_limit`: super-steps for one rollout, before `config`'s and the graph's own;
    - `on_interrupt`: `value -> answer` (sync or async) for `interrupt(value)`, and for a
      breakpoint (`interrupt_before`, `interrupt_after`), whose value is `{"breakpoint": [nodes]}`
      and whose answer is ignored;
    - `context`: for graphs with a `context_schema`; its defaults where nothing is given;
    - `store`: makes the store each rollout starts with, which is empty otherwise;
    - `tools`: what runs in place of tools, by name: a function of the tool's arguments or another tool;
    - `harmless`: names of tools that may really run and are not to be warned of;
    - `tool_cache`: tools whose results are recorded and replayed by their arguments;
    - `mask`: applied to every text of a rollout before it is kept, and to every prompt that reflects on it;
      keys are hidden in any case. The metric sees everything;
    - `prices`: dollars for a million input and output tokens by model name;
    - `is_world_failure`: the border between what is tried again and what is scored, for the graph and the metric.
      By default, network failures of what these call themselves are tried again a few times and then scored, while
      other rollouts succeed. `langgraph_gepa.errors.WorldFailure` is tried again wherever the border lies.
    """

    timeout: float | None = 300.0
    recursion_limit: int | None = None
    config: RunnableConfig | Callable[[Example], RunnableConfig] | None = None
    context: Any | Callable[[Example], Any] = None
    on_interrupt: OnInterrupt | None = None
    store: Callable[[], BaseStore] | None = None
    tools: StandIns = field(default_factory=dict)
    harmless: Collection[str] = ()
    tool_cache: ToolCache | None = None
    mask: Mask | None = None
    prices: Prices | None = None
    is_world_failure: Border = is_world_failure

    def whose(self, failure: BaseException, seen: Witnessed) -> Verdict:
        """Whose failure it was; nothing is in doubt where the user drew the border or raised `WorldFailure`."""
        if self.is_world_failure is is_world_failure:
            return verdict(failure, seen)
        return "world" if is_declared(failure) or self.is_world_failure(failure) else "candidate"

    def doubt(
        self,
        raised: Exception | None,
        unrecovered: Sequence[Exception],
        seen: Callable[[], Witnessed],
        *,
        scored: bool = True,
    ) -> Exception | None:
        """The failure that makes the outcome doubtful: the one that was raised, or one that was handled on the way.

        Raises the failure beside which no outcome stands: the world's, where it was raised; where it was handled, too
        many calls for a model's provider, a wrong or missing key, or a `WorldFailure`. Of an outcome that is not
        `scored`, only the failures of models are raised.
        """
        if raised is None and not unrecovered:
            return None
        witnessed = seen()
        whose = self.whose(raised, witnessed) if raised else "candidate"
        if raised is not None and whose != "candidate":
            if whose == "world" and (scored or _of_a_model(raised, witnessed)):
                raise raised
            return of_the_world(raised)
        doubts: list[Exception] = []
        for failure in unrecovered:
            whose, lasts = self.whose(failure, witnessed), is_lasting(failure)
            certain = self.is_world_failure is not is_world_failure or is_declared(failure)
            lost = whose == "world" and (certain or lasts or is_pressure(failure))
            if lost and (scored or _of_a_model(failure, witnessed)):
                raise failure
            doubts += [of_the_world(failure)] if whose != "candidate" and (lost or not lasts) else []
        return next(iter(doubts), None)


def _of_a_model(failure: Exception, seen: Witnessed) -> bool:
    return any(map(seen.ended_model_call, chain(failure)))
