"""Examples from what a project has logged."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.load import dumpd
from langchain_core.messages import AIMessage, HumanMessage

import langgraph_gepa
from langgraph_gepa import Budget
from langgraph_gepa.errors import ExampleError
from langgraph_gepa.runs.examples import examples_of

GOOD, BAD = {"key": "user", "score": 1}, {"key": "user", "score": 0.5, "comment": "too long"}


@pytest.fixture
def app(smith: Any) -> str:
    made: str = smith.session("app")
    return made


def outputs(name: str) -> list[tuple[Any, Any]]:
    return [(example.inputs["n"], example.outputs) for example in examples_of(name)]


def test_what_is_known_of_the_right_answer(smith: Any, app: str) -> None:
    """A person's correction, else outputs with good feedback and none that is not, else nothing; the newest first."""
    corrected = {"key": "fix", "correction": {"a": "right"}}
    smith.run(app, {"n": 0}, {"a": "said"})
    smith.run(app, {"n": 1}, {"a": "said"}, [GOOD])
    smith.run(app, {"n": 2}, {"a": "said"}, [GOOD, {"key": "judge", "score": False}])
    smith.run(app, {"n": 3}, {"a": "said"}, [BAD, corrected])
    smith.run(app, {"n": 4}, {"a": "said"}, [corrected | {"correction": "in words"}])
    smith.run(app, {"n": 5}, {"a": "said"}, [corrected | {"feedback_source": {"type": "model"}}])
    smith.run(app, {"n": 6}, {"a": "said"}, [BAD | {"correction": {"score": 1, "comment": "no, it is fine"}}])
    smith.run(app, {"n": 7}, {"a": "said"}, [{"key": "note", "comment": "hm"}])
    known = {1: {"a": "said"}, 3: {"a": "right"}, 4: {"output": "in words"}, 6: {"a": "said"}}
    assert outputs("langsmith-runs:app") == [(n, known.get(n)) for n in range(7, -1, -1)]


def test_failures_and_comments_are_kept_beside(smith: Any, app: str) -> None:
    """A failed run is an example without outputs; how it failed and its feedback are its metadata."""
    failed = smith.run(app, {"n": 1}, {"a": "half"}, [GOOD, BAD], error="KeyError('x')")
    smith.run(failed, {"n": 2}, parent_run_id=failed)
    (example,) = examples_of("langsmith-runs:app")
    feedback = [GOOD | {"source": "app"}, BAD | {"source": "app"}]
    assert (example.id, example.outputs) == (failed, None)
    assert example.metadata == {"error": "KeyError('x')", "feedback": feedback}


def test_online_evaluators_and_reviewers_count(smith: Any, app: str) -> None:
    """An evaluator's score counts until a reviewer gives another under its key or corrects it; it corrects nothing."""
    queue = {"type": "app", "user_name": "Ada", "metadata": {"annotation_queue_id": "q"}}
    right = {"key": "right", "feedback_source": {"type": "auto_eval", "metadata": {"rule_id": "r"}}}
    smith.run(app, {"n": 0}, {"a": 0}, [right | {"score": 1, "comment": "complete"}])
    smith.run(app, {"n": 1}, {"a": 1}, [right | {"score": 0}])
    smith.run(app, {"n": 2}, {"a": 2}, [right | {"score": 0}, {"key": "right", "score": 1, "feedback_source": queue}])
    smith.run(app, {"n": 3}, {"a": 3}, [right | {"score": 1}, {"key": "right", "score": 0, "feedback_source": queue}])
    smith.run(app, {"n": 4}, {"a": 4}, [right | {"score": 0, "correction": {"score": 1, "comment": "fine"}}])
    smith.run(app, {"n": 5}, {"a": 5}, [right | {"correction": {"a": "made up"}}])
    smith.run(app, {"n": 6}, {"a": 6}, [{"key": "fix", "correction": {"a": 7}, "feedback_source": queue}])
    smith.run(app, {"n": 7}, {"a": 7}, [{"key": "tone", "value": "rude", "feedback_source": queue}])
    known = {0: {"a": 0}, 2: {"a": 2}, 4: {"a": 4}, 6: {"a": 7}}
    found = examples_of("langsmith-runs:app")
    assert [(one.inputs["n"], one.outputs) for one in found] == [(n, known.get(n)) for n in range(7, -1, -1)]
    noted = {one.inputs["n"]: one.metadata["feedback"] for one in found}
    assert noted[0] == [{"key": "right", "score": 1, "comment": "complete", "source": "auto_eval"}]
    assert noted[4] == [{"key": "right", "score": 1, "comment": "fine", "source": "auto_eval"}]
    assert noted[7] == [{"key": "tone", "value": "rude", "source": "app"}]


def test_a_run_that_goes_on_with_a_conversation_has_the_turns_before_it(
    smith: Any, app: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The graph was given the newest message alone, and its checkpointer remembered the others."""
    talk = [HumanMessage("Rain today?"), AIMessage("No."), HumanMessage("And tomorrow?"), AIMessage("Yes.")]
    for turn in (0, 2):
        given, end = [dumpd(talk[turn])], [message.model_dump() for message in talk[: turn + 2]]
        smith.run(app, {"messages": given}, {"messages": end})
    found = [[message["content"] for message in one.inputs["messages"]] for one in examples_of("langsmith-runs:app")]
    assert found == [["Rain today?", "No.", "And tomorrow?"], ["Rain today?"]]
    assert "1 went on with a conversation: the turns before it are part of the inputs." in capsys.readouterr().err


def test_how_runs_were_used_is_printed(smith: Any, app: str, capsys: pytest.CaptureFixture[str]) -> None:
    """How many were read and used, as what, and why others were not: equal inputs are one example, the best known."""
    inputs = {"n": 1, "messages": [dumpd(HumanMessage("hi"))]}
    smith.run(app, inputs, {"a": "old"}, [GOOD])
    smith.run(app, inputs, {"a": "good"}, [GOOD])
    smith.run(app, {"n": 1, "messages": [{"type": "human", "content": "hi"}]}, {"a": "newest"})
    smith.run(app, {"n": 2}, {"a": "unknown"})
    smith.run(app, {}, {"a": "nothing asked"}, [GOOD])
    assert outputs("langsmith-runs:app") == [(2, None), (1, {"a": "good"})]
    assert capsys.readouterr().err == (
        "Project 'app': 5 runs read, 2 used (1 with good feedback, 1 without reference outputs); "
        "left out 1 without inputs, 2 that repeat inputs.\n"
    )


def test_runs_and_feedback_can_be_selected(smith: Any, app: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A filter in LangSmith's words, the newest few, one kind of feedback, and the score from which on it is good."""
    stars = {"key": "stars", "score": 4}
    for n in range(6):
        smith.run(app, {"n": n}, {"a": n}, [stars, BAD], name="agent" if n % 2 else "other")
    assert [n for n, _ in outputs("langsmith-runs:app?good=4&limit=3")] == [5, 4, 3]
    assert "3 runs read, the newest 3," in capsys.readouterr().err
    known = outputs('langsmith-runs:app?filter=eq(name, "agent")&feedback=stars&good=4')
    assert known == [(5, {"a": 5}), (3, {"a": 3}), (1, {"a": 1})]
    assert outputs("langsmith-runs:app?good=0.5&limit=1&feedback=user") == [(5, {"a": 5})]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("langsmith-runs:apps", "no project 'apps' in this workspace .*default.*app"),
        ("langsmith-runs:app?filter=name is x", r"refused the request \(400\): Invalid filter: name is x\."),
        ("langsmith-runs:app", "'stars' has a score of 4: .*langsmith-runs:app\\?feedback=stars&good=4"),
        ('langsmith-runs:app?filter=eq(name, "x")', r"No run can be an example. .*: 0 runs read, 0 used\."),
    ],
)
def test_what_cannot_be_used_is_explained(smith: Any, app: str, name: str, message: str) -> None:
    """An unknown project, a filter LangSmith does not read, an unknown scale, and no runs at all."""
    smith.run(app, {"n": 1}, {"a": 1}, [{"key": "stars", "score": 4}])
    with pytest.raises(ExampleError, match=message):
        examples_of(name)


def test_a_run_goes_on_while_the_project_grows(project: Any, smith: Any, app: str, caplog: Any) -> None:
    """How the runs were used is printed when a run starts; it goes on with the examples it has."""
    for n in range(12):
        logged = {"name": "Ada", "letter": f"Letter {n}"}
        smith.run(app, logged, {"sort": "urgent"}, [{"key": "fix", "correction": {"sort": "urgent"}}])

    def optimized(rollouts: int) -> Any:
        how = {"metric": "letters.py:score", "reflection_lm": "openai:simulated-editor", "progress": False}
        return langgraph_gepa.optimize(
            "letters", "langsmith-runs:app", run="run", budget=Budget(rollouts=rollouts), **how
        )

    first = optimized(30)
    assert "12 runs read, 12 used (12 with a correction)." in caplog.text
    smith.run(app, {"name": "Bob", "letter": "new"})
    assert optimized(40).saved.config.examples == first.saved.config.examples
