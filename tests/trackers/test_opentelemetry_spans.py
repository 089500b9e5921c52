"""Runs become OpenTelemetry spans, with model usage as the GenAI semantic conventions name it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.graph import END, START, StateGraph

from langgraph_gepa import Budget, optimize
from langgraph_gepa.core.events import RolloutFinished
from langgraph_gepa.errors import UsageError
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.testing.sample_journal import JOURNAL
from langgraph_gepa.trackers.tracking import TrackedRun, Tracking, tracker_called

sdk = pytest.importorskip("opentelemetry.sdk.trace")
trace = pytest.importorskip("opentelemetry.trace")


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Collects what the process's tracer provider exports; that provider can be set only once in a process."""
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    provider, exporter = sdk.TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    return exporter


def test_rollouts_lie_in_iterations_and_these_in_the_run(spans: Any, tracked_run: TrackedRun, replayed: Any) -> None:
    """Each rollout that was paid for is a span as long as the rollout took, with what it used; secrets are hidden."""
    with trace.get_tracer("user").start_as_current_span("mine") as mine:
        following = Tracking("opentelemetry", tracker_called("opentelemetry"), tracked_run, Pool())
    replayed(following)
    following.end([], {})
    following.wait()
    assert following.failure is None
    found = spans.get_finished_spans()
    by_id = {span.context.span_id: span for span in found}
    run = next(span for span in found if span.name == "optimize desk ***")
    rollouts = [span for span in found if span.name == "invoke_agent helpdesk"]
    paid = [event for event in JOURNAL if isinstance(event, RolloutFinished) and not event.reused]
    inside = next(span for span in rollouts if span.attributes["langgraph_gepa.score"] == 0.25)
    iteration = by_id[inside.parent.span_id]
    reflection = next(span for span in found if span.name == "chat gpt-5")
    assert (run.parent.span_id, iteration.parent.span_id) == (mine.get_span_context().span_id, run.context.span_id)
    assert iteration.name == "iteration 1"
    assert len(rollouts) == len(paid)
    assert (inside.end_time - inside.start_time) / 1e9 == pytest.approx(1.5, abs=0.001)
    assert inside.attributes["gen_ai.usage.input_tokens"] == 7
    assert not rollouts[0].status.is_ok
    assert reflection.attributes["gen_ai.provider.name"] == "openai"
    assert reflection.attributes["gen_ai.usage.output_tokens"] == 300
    assert "sk-secret" not in "".join(span.to_json() for span in found)


class State(TypedDict, total=False):
    question: str
    answer: str


def test_a_run_is_traced_and_its_next_session_has_the_same_id(spans: Any, tmp_path: Path) -> None:
    """The id is kept with the run, and a session ends its own span."""
    from langgraph_gepa import prompt

    graph = StateGraph(State)
    graph.add_node("answer", lambda state: {"answer": prompt("answer", "Answer.") + state["question"]})
    graph.add_edge(START, "answer")
    graph.add_edge("answer", END)
    examples = [{"inputs": {"question": f"{n}?"}} for n in range(3)]
    for rollouts in (20, 30):
        optimize(
            graph.compile(name="tiny"), examples, examples, metric=lambda outputs: 0.5, reflection_lm=lambda _: "NO",
            budget=Budget(rollouts=rollouts), run=tmp_path / "run", progress=False, track="opentelemetry",
        )  # fmt: skip
    runs = [span for span in spans.get_finished_spans() if span.name == "optimize run"]
    assert len({span.attributes["langgraph_gepa.run.id"] for span in runs}) == 1
    assert len(runs) == 2
    assert runs[-1].attributes["langgraph_gepa.score"] == 0.5


def test_spans_that_would_go_nowhere_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a tracer provider nothing leaves the process, which the user hears before anything is paid for."""
    monkeypatch.setattr(trace, "get_tracer_provider", trace.ProxyTracerProvider)
    with pytest.raises(UsageError, match="has no tracer provider"):
        tracker_called("opentelemetry")
