"""The options a user sets for how rollouts are run: `RunnerOptions`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.store.base import BaseStore

from langgraph_gepa.adapter.failures.classification import IsWorldFailure, is_world_failure
from langgraph_gepa.adapter.rollout.interrupts import OnInterrupt
from langgraph_gepa.adapter.rollout.redaction import Mask
from langgraph_gepa.adapter.tools.stand_ins import StandIns
from langgraph_gepa.adapter.tools.tool_cache import ToolCache
from langgraph_gepa.adapter.tracing.pricing import Prices
from langgraph_gepa.core.example import Example


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerOptions:
    """How rollouts are run. `config` and `context` may be functions of the example.

    - `timeout`: seconds for one rollout, `None` for no limit;
    - `recursion_limit`: super-steps for one rollout, in place of `config`'s and the graph's own;
    - `on_interrupt`: `value -> answer` (sync or async) for `interrupt(value)`, and for a
      breakpoint (`interrupt_before`, `interrupt_after`), whose value is `{"breakpoint": [nodes]}`
      and whose answer is ignored;
    - `context`: for graphs with a `context_schema`; the schema's defaults where nothing is given;
    - `store`: makes the store that each rollout starts with, which is empty otherwise;
    - `tools`: maps names of tools to what runs in their place: a function of the tool's arguments or another tool;
    - `harmless`: names of tools that may really run and need no warning;
    - `tool_cache`: tools whose results are recorded and replayed by their arguments;
    - `mask`: applied to every text of a rollout before it is kept, and to every prompt that reflects on it;
      keys are hidden in any case. The metric sees everything;
    - `prices`: dollars for a million input and output tokens by model name;
    - `is_world_failure`: decides which exceptions of the graph and the metric are tried again; all others are scored.
      By default, failures of services that a graph or metric calls itself are tried again a few times and then scored,
      while other rollouts succeed. `langgraph_gepa.errors.WorldFailure` is tried again whatever this says.
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
    is_world_failure: IsWorldFailure = is_world_failure
