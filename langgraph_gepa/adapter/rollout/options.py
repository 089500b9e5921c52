"""The options a user sets for how rollouts are run: `RunnerOptions`."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Collection, Iterator, Mapping
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
from langgraph_gepa.errors import UsageError


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

    Raises `UsageError` for an argument of the wrong type.
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

    def __post_init__(self) -> None:
        for name, right, wanted in self._checks():
            if not right:
                raise UsageError(f"RunnerOptions({name}={reprlib.repr(getattr(self, name))}): give {wanted}.")

    def _checks(self) -> Iterator[tuple[str, bool, str]]:
        """Yields each argument that has a type, whether its value is of it, and what to give otherwise."""
        limit, names = self.recursion_limit, self.harmless
        yield "timeout", self.timeout is None or _is_positive(self.timeout), "positive seconds, or None for no limit"
        whole = limit is None or (isinstance(limit, int) and _is_positive(limit))
        yield "recursion_limit", whole, "a positive whole number, or None for the graph's own"
        config = self.config
        yield "config", config is None or isinstance(config, Mapping) or callable(config), "a config, or a function"
        for name, function in (
            ("on_interrupt", "a function from a question to an answer"),
            ("store", "a function that makes a store"),
            ("mask", "a function from text to text"),
        ):
            value = getattr(self, name)
            yield name, value is None or callable(value), function
        tools = isinstance(self.tools, Mapping) and all(isinstance(name, str) for name in self.tools)
        yield "tools", tools, 'stand-ins by the name of their tool, such as {"send_email": lambda **arguments: "sent"}'
        listed = isinstance(names, Collection) and not isinstance(names, str | bytes)
        right = listed and all(isinstance(name, str) for name in names)
        yield "harmless", right, 'a list of names of tools, such as ["send_email"]'
        cache = self.tool_cache
        yield "tool_cache", cache is None or isinstance(cache, ToolCache), "a ToolCache(path, tools)"
        prices = "dollars for a million input and output tokens by model, such as {'my-model': (0.25, 2.0)}"
        yield "prices", self.prices is None or _are_prices(self.prices), prices
        yield "is_world_failure", callable(self.is_world_failure), "a function from an exception to True or False"


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _are_prices(prices: object) -> bool:
    """Whether `prices` map names to pairs of numbers."""
    return isinstance(prices, Mapping) and all(
        isinstance(name, str)
        and isinstance(pair, tuple | list)
        and len(pair) == 2
        and all(one == 0 or _is_positive(one) for one in pair)
        for name, pair in prices.items()
    )
