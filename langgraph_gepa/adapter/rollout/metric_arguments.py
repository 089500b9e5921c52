"""Makes the arguments that a metric may take, LangSmith's run and example among them, as copies of its own."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from langsmith import schemas

from langgraph_gepa.adapter.isolation.input_copies import containers_copied
from langgraph_gepa.adapter.rollout import trajectories
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.rollout import Call, Rollout

RUN_TYPES = {"model": "llm", "tool": "tool", "retrieval": "retriever"}


@dataclass(frozen=True, slots=True)
class MetricArguments:
    """The arguments of a metric by name, made on look-up; copies, as examples and rollouts are used again.

    `trajectory` is there for metrics that ask for it (see `trajectories`).
    """

    example: Example
    state: Any
    rollout: Rollout
    trajectory: Any = None

    def __getitem__(self, name: str) -> Any:
        if name == "inputs":
            return containers_copied(self.example.inputs)
        if name == "outputs":
            return containers_copied(self.state)
        if name == "reference_outputs":
            return containers_copied(self.example.outputs or {})
        if name == trajectories.ARGUMENT:
            return containers_copied(self.trajectory)
        if name == "rollout":
            return self._rollout()
        return self._run() if name == "run" else self._example()

    def _example(self) -> schemas.Example:
        return schemas.Example(
            id=_uuid(self.example.id),
            inputs=containers_copied(self.example.inputs),
            outputs=containers_copied(self.example.outputs),
            metadata=containers_copied(self.example.metadata),
        )

    def _rollout(self) -> Rollout:
        calls = (
            replace(call, inputs=containers_copied(call.inputs), output=containers_copied(call.output))
            for call in self.rollout.calls
        )
        return replace(self.rollout, outputs=containers_copied(self.rollout.outputs), calls=tuple(calls))

    def _run(self) -> schemas.Run:
        state = containers_copied(self.state)
        started = datetime.now(UTC) - timedelta(seconds=self.rollout.seconds)
        root = uuid.uuid4()
        return schemas.Run(
            id=root,
            trace_id=root,
            name="graph",
            run_type="chain",
            start_time=started,
            end_time=started + timedelta(seconds=self.rollout.seconds),
            inputs=containers_copied(self.example.inputs),
            outputs=dict(state) if isinstance(state, Mapping) else {"output": state},
            error=self.rollout.error,
            reference_example_id=_uuid(self.example.id),
            child_runs=[_child(call, root, started) for call in self._rollout().calls],
            prompt_tokens=self.rollout.usage.input_tokens,
            completion_tokens=self.rollout.usage.output_tokens,
            total_tokens=self.rollout.usage.tokens,
        )


def _child(call: Call, root: uuid.UUID, started: datetime) -> schemas.Run:
    inputs = {"messages": call.inputs} if call.kind == "model" else call.inputs
    outputs = {"messages": [call.output]} if call.kind == "model" and call.output else {"output": call.output}
    return schemas.Run(
        id=uuid.uuid4(),
        trace_id=root,
        parent_run_id=root,
        name=call.name,
        run_type=RUN_TYPES[call.kind],
        start_time=started,
        end_time=started + timedelta(seconds=call.seconds),
        inputs=inputs if isinstance(inputs, Mapping) else {"query": inputs},
        outputs=outputs,
        error=call.error,
        extra={"metadata": {"langgraph_node": call.node.rpartition("/")[2], "node": call.node}},
    )


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.uuid5(uuid.NAMESPACE_OID, text)
