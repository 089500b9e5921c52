"""Reads examples from logged runs, for users who have traces but no data set.

See https://docs.langchain.com/langsmith/export-traces.

- Inputs are those of the root run, with the earlier turns of its conversation (see `turns`).
- Reference outputs are a person's newest correction in the run's feedback. Without one they are the run's own outputs,
  if it has feedback and all of it is good. Otherwise there are none.
- Metadata holds the run's `error` and its `feedback`: key, score, value, comment, and where it comes from.

Feedback counts wherever it was given: in the app, in an annotation queue, by an API or by an online evaluator. People's
corrections and scores go before those of evaluators under the same key.

Runs with equal inputs give one example: that of a run with a correction, else of one with good feedback, else of any;
among several the newest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from langgraph_gepa.core.example import digest
from langgraph_gepa.core.json_data import plain
from langgraph_gepa.errors import ExampleError
from langgraph_gepa.langsmith.address import RunsAddress
from langgraph_gepa.langsmith.client import batches, connected
from langgraph_gepa.langsmith.messages import with_roles
from langgraph_gepa.langsmith.run_query import LoggedRun, root_runs
from langgraph_gepa.langsmith.turns import with_earlier_turns

if TYPE_CHECKING:
    from langsmith import Client
    from langsmith.schemas import Feedback

Known = Literal["with a correction", "with good feedback", "without reference outputs"]
RANKS: tuple[Known, ...] = ("with a correction", "with good feedback", "without reference outputs")
EVALUATORS = frozenset({"model", "auto_eval"})
"""The sources of feedback that no person gave: evaluators of experiments and online evaluators."""
OF_A_SCORE = ("score", "value", "comment")
"""The fields of a correction of a score, which holds no outputs (see "audit evaluator scores" in the docs)."""


def read_runs(address: RunsAddress) -> tuple[list[dict[str, Any]], str]:
    """Reads examples, those of the newest runs first. Returns them with a sentence on how many runs were used.

    Raises `ExampleError`, also for scores above 1 without an address that says which scores are good.
    """
    with connected(f"The runs of project {address.project!r} cannot be read", ExampleError) as client:
        runs = _root_runs(client, address)
        feedback = _feedback(client, [run.id for run in runs])
    found: dict[str, tuple[Known, dict[str, Any]]] = {}
    left: Counter[str] = Counter()
    continued = 0
    for run in runs:
        given = feedback.get(run.id, [])
        known, outputs = _outputs(run, given, address)
        if not run.inputs:
            left["without inputs"] += 1
            continue
        given_inputs = with_roles(run.inputs)
        inputs = with_earlier_turns(given_inputs, with_roles(run.outputs))
        continued += inputs != given_inputs
        example = {"id": run.id, "inputs": inputs, "outputs": outputs, "metadata": _metadata(run, given)}
        key = digest(inputs)
        if key in found:
            left["that repeat inputs"] += 1
        if key not in found or RANKS.index(known) < RANKS.index(found[key][0]):
            found[key] = known, example
    account = _account(address, runs, Counter(known for known, _ in found.values()), left)
    if continued:
        account += f" {continued} went on with a conversation: the turns before it are part of the inputs."
    if not found:
        raise ExampleError(f"No run can be an example. {account}")
    return [example for _, example in found.values()], account


def _root_runs(client: Client, address: RunsAddress) -> list[LoggedRun]:
    from langsmith.utils import LangSmithNotFoundError

    try:
        project = client.read_project(project_name=address.project)
    except LangSmithNotFoundError:
        known = ", ".join(str(one.name) for one in islice(client.list_projects(limit=10), 10)) or "none"
        raise ExampleError(
            f"LangSmith has no project {address.project!r} in this workspace (some that it has: {known}): "
            "check the name, and LANGSMITH_WORKSPACE_ID for the workspace."
        ) from None
    return root_runs(client, project, address.filter, address.limit)


def _feedback(client: Client, runs: Sequence[str]) -> dict[str, list[Feedback]]:
    """The feedback of each run, the newest first."""
    found: dict[str, list[Feedback]] = {}
    for ids in batches(runs):
        for feedback in client.list_feedback(run_ids=ids):
            found.setdefault(str(feedback.run_id), []).append(feedback)
    for several in found.values():
        several.sort(key=lambda one: one.modified_at or one.created_at, reverse=True)
    return found


def _outputs(run: LoggedRun, feedback: Iterable[Feedback], address: RunsAddress) -> tuple[Known, Any]:
    counted = [one for one in feedback if not address.feedback or one.key in address.feedback]
    for one in counted:
        if one.correction and _of_a_person(one) and not _of_a_score(one.correction):
            right = one.correction if isinstance(one.correction, Mapping) else {"output": one.correction}
            return "with a correction", with_roles(dict(right))
    scored = [(one, score) for one in counted if (score := _score(one, address)) is not None]
    by_people = {one.key for one, _ in scored if _of_a_person(one)}
    scores = [score for one, score in scored if _of_a_person(one) or one.key not in by_people]
    good = 1.0 if address.good is None else address.good
    if scores and min(scores) >= good and run.outputs and not run.error:
        return "with good feedback", with_roles(run.outputs)
    return "without reference outputs", None


def _of_a_person(feedback: Feedback) -> bool:
    """Whether a person gave the feedback, or a program that speaks for one."""
    return feedback.feedback_source is None or feedback.feedback_source.type not in EVALUATORS


def _of_a_score(correction: Any) -> bool:
    return isinstance(correction, Mapping) and correction.keys() <= {*OF_A_SCORE}


def _score(feedback: Feedback, address: RunsAddress) -> float | None:
    """The score, or a person's correction of it."""
    score = _corrected(feedback)["score"]
    if score is None:
        return None
    if score > 1 and address.good is None:
        raise ExampleError(
            f"The feedback {feedback.key!r} has a score of {score:g}: name the lowest score of a good run, "
            f"as in langsmith-runs:{address.project}?feedback={feedback.key}&good={score:g}."
        )
    return float(score)


def _corrected(feedback: Feedback) -> dict[str, Any]:
    """The score, the value and the comment, as a person corrected them."""
    given, correction = {name: getattr(feedback, name) for name in OF_A_SCORE}, feedback.correction
    return {**given, **correction} if isinstance(correction, Mapping) and _of_a_score(correction) else given


def _metadata(run: LoggedRun, feedback: Iterable[Feedback]) -> dict[str, Any]:
    given = []
    for one in feedback:
        by = {"source": one.feedback_source.type} if one.feedback_source else {}
        result = {name: value for name, value in _corrected(one).items() if value is not None}
        given.append({"key": one.key, **result, **by})
    metadata = {"error": run.error, "feedback": plain(given)}
    return {name: value for name, value in metadata.items() if value}


def _account(address: RunsAddress, runs: Sequence[LoggedRun], used: Counter[Known], left: Counter[str]) -> str:
    newest = f", the newest {address.limit}" if len(runs) == address.limit else ""
    where = f"Project {address.project!r}" + (f" with {address.filter}" if address.filter else "")
    kinds = ", ".join(f"{used[known]} {known}" for known in RANKS if used[known])
    out = ", ".join(f"{count} {why}" for why, count in left.items())
    return (
        f"{where}: {len(runs)} {'run' if len(runs) == 1 else 'runs'} read{newest}, {used.total()} used"
        + (f" ({kinds})" if kinds else "")
        + (f"; left out {out}." if out else ".")
    )
