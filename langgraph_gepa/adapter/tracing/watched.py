"""Calls of a rollout as they are watched: under way, and afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from langgraph_gepa.adapter.tracing.call_order import Spot
from langgraph_gepa.core.rollout import Call, Usage

UNFINISHED = "still under way when the rollout ended"


@dataclass(frozen=True, slots=True)
class Watched:
    """A call as it was seen, with what tells whose it is.

    `schemas` are the tool schemas (and response format) a model call offered, or the tool's own
    `{"name", "description"}` for a tool call; `asked_by` is the id under which a model asked for
    a tool call; `within` is the position of the tool call this call happened inside, if any. `outcome` is the
    object that came back, or the exception: an `LLMResult`, a tool's output, documents; `None` while under way.
    """

    call: Call
    schemas: tuple[Any, ...] = ()
    asked_by: str | None = None
    within: int | None = None
    outcome: Any = field(default=None, compare=False, repr=False)


@dataclass(slots=True)
class OpenCall:
    """A call under way, filled in when it ends. `parent` leads up the run tree."""

    kind: str
    node: str
    name: str
    inputs: Any
    started: float
    schemas: tuple[Any, ...] = ()
    asked_by: str | None = None
    within: int | None = None
    spot: Spot = field(default_factory=Spot)
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

    def made_good_by(self, other: OpenCall) -> bool:
        """Whether `other` is a later try or a substitute that succeeded, so that this failure left no trace.

        A model is tried again, or replaced, with the same messages; a tool that a model asked for under the same
        name; a tool or retriever that a node calls by another in the same node.
        """
        if self.seconds is None or other.error or other.failure or other.started < self.started + self.seconds:
            return False
        if self.kind == "model" or other.kind == "model":
            return other.kind == self.kind and other.inputs == self.inputs
        if self.asked_by is not None:
            return other.name == self.name
        return other.spot.namespace == self.spot.namespace


def as_watched(call: OpenCall, now: float, moved: Mapping[int, int]) -> Watched:
    seconds = call.seconds if call.seconds is not None else now - call.started
    done = Call(
        kind=call.kind,  # type: ignore[arg-type]  # one of the three by construction
        node=call.node,
        name=call.name,
        inputs=call.inputs,
        output=call.output,
        error=call.error,
        usage=call.usage,
        seconds=seconds,
    )
    within = None if call.within is None else moved[call.within]
    return Watched(done, call.schemas, call.asked_by, within, call.outcome)
