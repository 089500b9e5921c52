"""The calls of a rollout as a reader sees them, and where two rollouts part."""

from __future__ import annotations

from typing import Any

from langgraph_gepa.core.rollout import Call, Feedback, Rollout
from langgraph_gepa.report.trace import CALLS, first_difference, trace_of

SYSTEM = {"role": "system", "content": "Help."}
USER = {"role": "user", "content": "Where is order 7?"}


def asks(id: str = "a", order: int = 7) -> dict[str, Any]:
    return {"role": "assistant", "content": "", "tool_calls": [{"id": id, "name": "find", "args": {"order": order}}]}


def agent(*calls: Call) -> Rollout:
    return Rollout("one", {"reply": "x"}, Feedback(1.0), calls)


def model(inputs: list[Any], output: Any) -> Call:
    return Call("model", "agent", "gpt", inputs, output)


def test_a_conversation_that_grows_is_written_once() -> None:
    """A second call with the messages of the first, its reply and one more shows only the one."""
    found = {"role": "tool", "content": "Order 7 is late.", "tool_call_id": "a"}
    trace = trace_of(agent(model([SYSTEM, USER], asks()), model([SYSTEM, USER, asks(), found], USER)), 1000)
    first, second = trace.steps
    assert first.received == (("system", "Help."), ("user", "Where is order 7?"))
    assert first.replied == (("assistant", '→ find({"order": 7})'),)
    assert (second.repeated, second.since) == (3, 1)
    assert second.received == (("tool", "Order 7 is late."),)


def test_each_kind_of_call_has_what_went_in_and_what_came_out() -> None:
    """Arguments by name, documents one by one, errors as they are; texts no longer than the limit."""
    trace = trace_of(
        agent(
            Call("tool", "tools", "find", {"order": 7}, "late " * 100),
            Call("retrieval", "search", "wiki", "late orders", [{"text": "A page.", "metadata": {"n": 1}}]),
            Call("tool", "tools", "find", {}, error="KeyError: 7"),
        ),
        20,
    )
    tool, retrieval, failed = trace.steps
    assert tool.received == (("order", "7"),)
    assert tool.replied[0][1].endswith("(480 more characters)")
    assert retrieval.received == (("query", "late orders"),)
    assert retrieval.replied == (("document 1", 'A page.\n{"n": 1}'),)
    assert (failed.replied, failed.error) == ((), "KeyError: 7")


def test_content_in_blocks_is_text_and_names_of_pictures() -> None:
    """A message of several blocks is readable, whatever the blocks hold."""
    picture = {"type": "image", "base64": "A" * 400, "mime_type": "image/png"}
    message = {"role": "user", "content": [{"type": "text", "text": "Look."}, picture, {"odd": 1}, "plain"]}
    ((_, text),) = trace_of(agent(model([message], None)), 1000).steps[0].received
    assert text.startswith("Look.\n[image")
    assert text.endswith('{"odd": 1}\nplain')


def test_rollouts_part_where_a_result_differs() -> None:
    """Other prompts and other ids are no difference; another reply, another node or one call more is."""
    other = {"role": "system", "content": "Help well."}
    one = agent(model([SYSTEM], asks("a")), Call("tool", "tools", "find", {"order": 7}, "late"))
    assert first_difference(one, agent(model([other], asks("b")), one.calls[1])) is None
    assert first_difference(one, agent(model([SYSTEM], asks("a", order=8)), one.calls[1])) == 1
    assert first_difference(one, agent(one.calls[0], Call("tool", "tools", "find", {"order": 7}, "here"))) == 2
    assert first_difference(one, agent(one.calls[0])) == 2
    assert first_difference(agent(), agent()) is None


def test_a_rollout_of_very_many_calls_is_cut() -> None:
    """The number of calls that there were stands beside those that are shown."""
    trace = trace_of(agent(*[Call("tool", "t", "f", {}, "x")] * (CALLS + 5)), 10)
    assert (len(trace.steps), trace.calls) == (CALLS, CALLS + 5)
