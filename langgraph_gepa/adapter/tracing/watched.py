"""Calls of a rollout as the callback handler records them: while they are pending, and when they are over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from langgraph_gepa.adapter.tracing.call_order import TaskPosition
from langgraph_gepa.core.rollout import Call, Usage

UNFINISHED = "still under way when the rollout ended"


@dataclass(frozen=True, slots=True)
class WatchedCall:
    """A recorded call, with what is needed to attribute it to modules.

    `schemas` are the tool schemas and the response format that a model call offered, or a tool's own
    `{"name", "description"}`. `tool_call_id` is the id under which a model requested a tool call. `enclosing_tool` is
    the index of the tool call inside which this call was made. `outcome` is the object that came back (an `LLMResult`,
    a tool's output, documents) or the exception; `None` while the call is pending.
    """

    call: Call
    schemas: tuple[Any, ...] = ()
    tool_call_id: str | None = None
    enclosing_tool: int | None = None
    outcome: Any = field(default=None, compare=False, repr=False)


@dataclass(slots=True)
class PendingCall:
    """A call that has begun. The callbacks of its end fill in the rest; `failure` is the exception that ended it."""

    kind: str
    node: str
    name: str
    inputs: Any
    started: float
    schemas: tuple[Any, ...] = ()
    tool_call_id: str | None = None
    enclosing_tool: int | None = None
    task: TaskPosition = field(default_factory=TaskPosition)
    model: str = ""
    provider: str | None = None
    output: Any = None
    outcome: Any = None
    error: str | None = UNFINISHED
    failure: Exception | None = None
    streamed: bool = False
    usage: Usage = field(default_factory=Usage)
    seconds: float | None = None

    @property
    def prompt(self) -> Any:
        """Everything that a model read: messages and schemas."""
        return [self.inputs, *self.schemas]

    def recovered_by(self, other: PendingCall) -> bool:
        """Whether `other` is a later retry or substitute that succeeded, so that this call's failure left no trace.

        A model call is retried, or made to another model, with the same messages; a tool call that a model requested,
        under the same name; a tool or retriever that a node calls itself, by any such call in the same task.
        """
        if self.seconds is None or other.error or other.failure or other.started < self.started + self.seconds:
            return False
        if self.kind == "model" or other.kind == "model":
            return other.kind == self.kind and other.inputs == self.inputs
        if self.tool_call_id is not None:
            return other.name == self.name
        return other.task.namespace == self.task.namespace


def watched_call(call: PendingCall, now: float, new_index: Mapping[int, int]) -> WatchedCall:
    """Returns the call as it stands at `now`; `new_index` maps indices of calls as they began to those in order."""
    recorded = Call(
        kind=call.kind,  # type: ignore[arg-type]  # one of the three by construction
        node=call.node,
        name=call.name,
        inputs=call.inputs,
        output=call.output,
        error=call.error,
        usage=call.usage,
        seconds=call.seconds if call.seconds is not None else now - call.started,
    )
    enclosing_tool = None if call.enclosing_tool is None else new_index[call.enclosing_tool]
    return WatchedCall(recorded, call.schemas, call.tool_call_id, enclosing_tool, call.outcome)
