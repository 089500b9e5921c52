"""The path that a run took through its graph, for agentevals' evaluators and for metrics that ask for it."""

from __future__ import annotations

import inspect
import typing
import warnings
from collections.abc import Iterator, Mapping
from functools import partial
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig
from langgraph.pregel import Pregel
from typing_extensions import is_typeddict

from langgraph_gepa.core.json_data import brief, plain
from langgraph_gepa.errors import UsageError

ARGUMENT = "graph_trajectory"
"""The argument by which a metric asks for the trajectory."""
_GRAPH = frozenset({"results", "steps"})
_MESSAGE = frozenset({"role", "content"})
"""Keys of agentevals' types for a graph's trajectory and for one message of an agent's."""


async def trajectory_of(graph: Pregel[Any, Any, Any, Any], config: RunnableConfig) -> dict[str, Any]:
    """The trajectory of a thread as agentevals extracts it: `inputs`, `results` and `steps`, each by turn.

    The steps of a turn are the names of its nodes, as in `["__start__", "model", "tools", "model"]`. Every checkpoint
    of the thread must have been kept.
    """
    from agentevals.graph_trajectory.utils import aextract_langgraph_trajectory_from_thread

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # inputs and results differ in number where subgraphs ran
        found = await aextract_langgraph_trajectory_from_thread(graph, config)
    return {**found["outputs"], "inputs": found["inputs"]}


def asks_for_trajectory(metric: Any) -> bool:
    """Whether a metric, or one of a list, takes the graph's trajectory. Raises `UsageError` without agentevals."""
    if isinstance(metric, list | tuple):
        return any(list(map(asks_for_trajectory, metric)))
    if ARGUMENT not in _parameters(metric) and not judges_trajectory(metric):
        return False
    if find_spec("agentevals") is None:
        raise UsageError(f"The metric takes the {ARGUMENT}, which agentevals extracts: pip install agentevals.")
    return True


def judges_trajectory(metric: Any) -> bool:
    """Whether the `outputs` of a metric are a graph's trajectory, by their type, as in agentevals."""
    return any(_keys(one) >= _GRAPH for one in _types(metric, "outputs"))


def compares_messages(metric: Any) -> bool:
    """Whether the `reference_outputs` of a metric are the messages of an agent, by their type, as in agentevals."""
    types = list(_types(metric, "reference_outputs"))
    return any(_keys(one) >= _MESSAGE for one in types) and any(issubclass(one, BaseMessage) for one in types)


def expectation(outputs: Any, reference: Any) -> str:
    """What an evaluator that only compares trajectories leaves unsaid: the expected one beside what happened."""
    if not reference:
        return ""
    return f"The expected trajectory:\n{_text(reference)}\nThe trajectory was:\n{_text(outputs)}"


def _text(trajectory: Any) -> str:
    if isinstance(trajectory, Mapping) and "steps" in trajectory:
        return "\n".join(" -> ".join(map(str, steps)) for steps in trajectory["steps"])
    messages = trajectory.get("messages") if isinstance(trajectory, Mapping) else trajectory
    return "\n".join(line for message in plain(messages) or () for line in _lines(message))


def _lines(message: Any) -> Iterator[str]:
    """One line for the text of a message, and one for each call of a tool in it."""
    if not isinstance(message, Mapping):
        yield brief(message)
        return
    role = message.get("role") or message.get("type") or "message"
    if message.get("content"):
        yield f"{role}: {brief(message['content'])}"
    for call in message.get("tool_calls") or ():
        function = call.get("function") or call
        arguments = function.get("arguments", function.get("args", {}))
        yield f"{role} calls {function.get('name')}({arguments if isinstance(arguments, str) else brief(arguments)})"


def _parameters(metric: Any) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(metric).parameters
    except (TypeError, ValueError):  # it is no function, or one without a signature
        return {}


def _types(metric: Any, name: str) -> Iterator[type]:
    """The classes that the type of a parameter is made of; none where the type is not known."""
    function = inspect.unwrap(metric.func if isinstance(metric, partial) else metric)
    if not inspect.isroutine(function):
        function = type(function).__call__
    annotated = SimpleNamespace(__annotations__={name: getattr(function, "__annotations__", {}).get(name, Any)})
    try:
        hints = typing.get_type_hints(annotated, getattr(function, "__globals__", {}))
    except (NameError, AttributeError, TypeError):  # a name that only type checkers know
        return
    todo = [hints[name]]
    while todo:
        one = todo.pop()
        todo += typing.get_args(one)
        if isinstance(one, type):
            yield one


def _keys(one: type) -> frozenset[str]:
    """The keys of a `TypedDict`."""
    return frozenset(getattr(one, "__annotations__", {})) if is_typeddict(one) else frozenset()
