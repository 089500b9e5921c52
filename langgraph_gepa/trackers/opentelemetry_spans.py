"""OpenTelemetry: a span for each session of the run, its iterations, rollouts and reflections.

Model usage is named as the GenAI semantic conventions do (https://opentelemetry.io/docs/specs/semconv/gen-ai/).
Spans go where the process's tracer provider sends them, which belongs to the user.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from opentelemetry import trace
from opentelemetry.trace import Span, StatusCode
from opentelemetry.util.types import AttributeValue

from langgraph_gepa.core.events import (
    CandidateAdmitted,
    IterationFinished,
    IterationStarted,
    OpinionFinished,
    ReflectionFinished,
    RolloutFinished,
)
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.errors import UsageError
from langgraph_gepa.trackers.tracking import Step, TrackedRun

Attributes = dict[str, AttributeValue]


def tracker() -> Callable[[TrackedRun], OpenTelemetryTracker]:
    """Raises `UsageError` where no span would leave the process."""
    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        raise UsageError(
            "OpenTelemetry has no tracer provider, so no span would leave this process. Call "
            "opentelemetry.trace.set_tracer_provider(...) first, or run the command under opentelemetry-instrument."
        )
    return OpenTelemetryTracker


class OpenTelemetryTracker:
    """A resumed run is a trace of its own: spans that ended cannot be added to. All have `langgraph_gepa.run.id`."""

    def __init__(self, run: TrackedRun) -> None:
        self._run = run
        self._tracer = trace.get_tracer("langgraph_gepa")
        settings = {f"langgraph_gepa.settings.{name}": run.mask(value) for name, value in run.settings.items()}
        self._root = self._tracer.start_span(
            f"optimize {run.mask(run.name)}", attributes={"langgraph_gepa.run.id": run.id, **settings}
        )
        self._iterations: dict[int, Span] = {}

    def record(self, step: Step) -> None:
        event = step.event
        if isinstance(event, IterationStarted):
            span = self._child(self._root, f"iteration {event.iteration}", step.at, {"parents": event.parents})
            self._iterations[event.iteration] = span
        elif isinstance(event, CandidateAdmitted):
            own = {"langgraph_gepa.candidate": event.candidate.id, **_own(step.metrics)}
            self._within(event.iteration).add_event("candidate admitted", own, _ns(step.at))
        elif isinstance(event, IterationFinished) and event.iteration in self._iterations:
            span = self._iterations.pop(event.iteration)
            span.set_attributes(_own({"outcome": event.outcome, "cause": event.cause or "", **step.metrics}))
            span.end(_ns(step.at))
        elif isinstance(event, RolloutFinished) and not event.reused:
            self._rollout(event, step.at)
        elif isinstance(event, ReflectionFinished):
            self._reply(event, step.at, {"purpose": "reflection", "module": self._run.mask(event.module)})
        elif isinstance(event, OpinionFinished):
            self._reply(event, step.at, {"purpose": "critic"})

    def end(self, step: Step, files: Sequence[Path], prompts: Mapping[str, str], *, finished: bool) -> None:  # noqa: ARG002 - spans hold no files
        for span in self._iterations.values():
            span.end(_ns(step.at))
        self._root.set_attributes(_own({**step.metrics, "finished": finished}))
        self._root.end(_ns(step.at))

    def _within(self, iteration: int) -> Span:
        return self._iterations.get(iteration, self._root)

    def _child(self, parent: Span, name: str, at: float, own: Mapping[str, AttributeValue]) -> Span:
        attributes = _own({**own, "run.id": self._run.id})
        context = trace.set_span_in_context(parent)
        return self._tracer.start_span(name, context, start_time=_ns(at), attributes=attributes)

    def _rollout(self, event: RolloutFinished, at: float) -> None:
        mask, parent = self._run.mask, self._root if event.subset == "test" else self._within(event.iteration)
        own: Attributes = {
            "example": mask(event.example),
            "subset": event.subset,
            "texts": event.texts,
            "score": event.score,
        }
        span = self._child(parent, f"invoke_agent {mask(self._run.graph)}", at - event.seconds, own)
        agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": mask(self._run.graph)}
        span.set_attributes({**agent, **_usage(event.usage)})
        if event.error is not None:
            span.set_status(StatusCode.ERROR, mask(event.error))
        span.end(_ns(at))

    def _reply(self, event: ReflectionFinished | OpinionFinished, at: float, own: Mapping[str, AttributeValue]) -> None:
        critic = isinstance(event, OpinionFinished)
        given = self._run.settings.get("critic_model", "") if critic else self._run.reflection_model
        provider, colon, model = self._run.mask(given).rpartition(":")
        name = {"gen_ai.provider.name": provider} if colon else {}
        span = self._child(self._within(event.iteration), f"chat {model}", at - event.seconds, own)
        span.set_attributes(
            {"gen_ai.operation.name": "chat", "gen_ai.request.model": model, **name, **_usage(event.usage)}
        )
        span.end(_ns(at))


def _ns(seconds: float) -> int:
    return int(seconds * 1e9)


def _own(values: Mapping[str, AttributeValue]) -> Attributes:
    return {f"langgraph_gepa.{name}": value for name, value in values.items()}


def _usage(usage: Usage) -> Attributes:
    dollars = {} if usage.dollars is None else {"dollars": usage.dollars}
    return {
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        **_own(dollars),
    }
