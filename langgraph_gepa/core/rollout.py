"""A rollout: one run of a candidate on an example, with everything watched on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Usage:
    """What model calls consumed. `dollars` is `None` when a price is unknown.

    `estimated` counts the tokens that no provider reported: they were estimated from the texts.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    dollars: float | None = 0.0
    estimated: int = 0

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        known = self.dollars is not None and other.dollars is not None
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            (self.dollars or 0.0) + (other.dollars or 0.0) if known else None,
            self.estimated + other.estimated,
        )

    def beyond(self, other: Usage) -> Usage:
        """Returns what is not in `other`, in each number, and at least 0."""
        known = self.dollars is not None and other.dollars is not None
        return Usage(
            max(0, self.input_tokens - other.input_tokens),
            max(0, self.output_tokens - other.output_tokens),
            max(0.0, (self.dollars or 0.0) - (other.dollars or 0.0)) if known else None,
            max(0, self.estimated - other.estimated),
        )

    def at_least(self, other: Usage) -> Usage:
        """Returns the larger of both in each number; dollars that are unknown in `other` stay unknown."""
        return Usage(
            max(self.input_tokens, other.input_tokens),
            max(self.output_tokens, other.output_tokens),
            None if other.dollars is None else max(self.dollars or 0.0, other.dollars),
            max(self.estimated, other.estimated),
        )


@dataclass(frozen=True, slots=True)
class Call:
    """One model call, tool call or retrieval, and the node it happened in.

    `node` is the path of nodes from the root (`"team/writer"`), `""` outside any node.
    Everything in `inputs` and `output` is plain JSON data:

    - model: `inputs` is the list of messages, each `{"role", "content"}` and where present
      `"name"`, `"tool_calls"` (`[{"id", "name", "args"}]`), `"tool_call_id"`; `output` is one such message;
    - tool: `inputs` is the mapping of arguments, `output` the text or JSON the tool returned;
    - retrieval: `inputs` is the query, `output` a list of `{"text", "metadata"}`.

    `modules` names the modules whose text this call carried, or, for a tool call, those of
    the model call that asked for it.
    """

    kind: Literal["model", "tool", "retrieval"]
    node: str
    name: str
    inputs: Any
    output: Any = None
    error: str | None = None
    usage: Usage = Usage()
    seconds: float = 0.0
    modules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Feedback(dict[str, Any]):
    """What a metric says of one rollout.

    `score` is higher for better, by convention 0 to 1. `comment` is for the whole rollout,
    `by_module` for single modules (their names as `discover` lists them), `objectives`
    for a metric of several scores.

    It is also the dict `{"score", "comment"}`, because LangSmith's `evaluate` takes a dict as an evaluator's result
    (https://docs.langchain.com/langsmith/code-evaluator): the same metric serves both.
    """

    score: float
    comment: str = ""
    by_module: Mapping[str, str] = field(default_factory=dict)
    objectives: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        dict.__init__(self, score=self.score, comment=self.comment)


@dataclass(frozen=True, slots=True)
class Rollout:
    """One run of a candidate on an example. All of it is plain JSON data.

    `outputs` is the graph's final state, `None` when it failed; `error` describes the failure.
    `nodes` are the paths of the nodes that ran, empty if they were not watched.
    """

    example: str
    outputs: Any
    feedback: Feedback
    calls: tuple[Call, ...] = ()
    usage: Usage = Usage()
    seconds: float = 0.0
    error: str | None = None
    nodes: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        return self.feedback.score
