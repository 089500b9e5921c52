"""Examples from logged runs, for those who have only traces (https://docs.langchain.com/langsmith/export-traces).

- Inputs are what the root run was given.
- Reference outputs are a person's correction in the run's feedback, the newest where there are several. Without one
  they are the run's own outputs, if it has feedback and all of it is good. Otherwise there are none.
- Metadata has how the run failed (`error`) and what was said of it (`feedback`).

Of runs with equal inputs one is an example: one with a correction rather than with good feedback rather than with
neither, the newest of equals.
"""

from __future__ import annotations

import warnings
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

if TYPE_CHECKING:
    from langsmith import Client
    from langsmith.schemas import Feedback, Run

Known = Literal["with a correction", "with good feedback", "without reference outputs"]
RANKS: tuple[Known, ...] = ("with a correction", "with good feedback", "without reference outputs")
SELECT = ("id", "trace_id", "name", "run_type", "start_time", "inputs", "outputs", "error")
OF_A_SCORE = frozenset({"score", "value", "comment"})
"""What a correction of a score has, which says nothing of the outputs (see "audit evaluator scores" in the docs)."""


def read_runs(address: RunsAddress) -> tuple[list[dict[str, Any]], str]:
    """The examples, those of the newest runs first, and in words what became of the runs.

    Raises `ExampleError`, also for scores of which nobody can tell from which on they are good.
    """
    with connected(f"The runs of project {address.project!r} cannot be read", ExampleError) as client:
        runs = _root_runs(client, address)
        feedback = _feedback(client, [str(run.id) for run in runs])
    found: dict[str, tuple[Known, dict[str, Any]]] = {}
    left: Counter[str] = Counter()
    for run in runs:
        said = feedback.get(str(run.id), [])
        known, outputs = _outputs(run, said, address)
        if not run.inputs:
            left["without inputs"] += 1
            continue
        inputs = with_roles(run.inputs)
        example = {"id": str(run.id), "inputs": inputs, "outputs": outputs, "metadata": _metadata(run, said)}
        key = digest(inputs)
        if key in found:
            left["that repeat inputs"] += 1
        if key not in found or RANKS.index(known) < RANKS.index(found[key][0]):
            found[key] = known, example
    account = _account(address, runs, Counter(known for known, _ in found.values()), left)
    if not found:
        raise ExampleError(f"No run can be an example. {account}")
    return [example for _, example in found.values()], account


def _root_runs(client: Client, address: RunsAddress) -> list[Run]:
    from langsmith.utils import LangSmithNotFoundError

    try:
        project = client.read_project(project_name=address.project)
    except LangSmithNotFoundError:
        known = ", ".join(str(one.name) for one in islice(client.list_projects(limit=10), 10)) or "none"
        raise ExampleError(
            f"LangSmith has no project {address.project!r} in this workspace (some that it has: {known}): "
            "check the name, and LANGSMITH_WORKSPACE_ID for the workspace."
        ) from None
    with warnings.catch_warnings():
        # What the SDK has in its place is for asyncio only, and servers before 0.16 do not answer it.
        warnings.simplefilter("ignore", DeprecationWarning)
        runs = client.list_runs(
            project_id=project.id,
            is_root=True,
            filter=address.filter,
            start_time=project.start_time,  # left out it may mean a day
            select=SELECT,
            order="desc",
        )
        return list(islice(runs, address.limit))


def _feedback(client: Client, runs: Sequence[str]) -> dict[str, list[Feedback]]:
    """By run, the newest first."""
    found: dict[str, list[Feedback]] = {}
    for ids in batches(runs):
        for said in client.list_feedback(run_ids=ids):
            found.setdefault(str(said.run_id), []).append(said)
    for all_said in found.values():
        all_said.sort(key=lambda said: said.modified_at or said.created_at, reverse=True)
    return found


def _outputs(run: Run, feedback: Iterable[Feedback], address: RunsAddress) -> tuple[Known, Any]:
    counted = [said for said in feedback if not address.feedback or said.key in address.feedback]
    for said in counted:
        by_a_model = said.feedback_source is not None and said.feedback_source.type == "model"
        if said.correction and not by_a_model and not _of_a_score(said.correction):
            right = said.correction if isinstance(said.correction, Mapping) else {"output": said.correction}
            return "with a correction", with_roles(dict(right))
    scores = [score for said in counted if (score := _score(said, address)) is not None]
    good = 1.0 if address.good is None else address.good
    if scores and min(scores) >= good and run.outputs and not run.error:
        return "with good feedback", with_roles(run.outputs)
    return "without reference outputs", None


def _of_a_score(correction: Any) -> bool:
    return isinstance(correction, Mapping) and correction.keys() <= OF_A_SCORE


def _score(said: Feedback, address: RunsAddress) -> float | None:
    """The score, as a person corrected it where one did."""
    corrected = said.correction if isinstance(said.correction, Mapping) and _of_a_score(said.correction) else {}
    score = corrected.get("score", said.score)
    if score is None:
        return None
    if score > 1 and address.good is None:
        raise ExampleError(
            f"The feedback {said.key!r} has a score of {score:g}: say from which score on a run is good, "
            f"as in langsmith-runs:{address.project}?feedback={said.key}&good={score:g}."
        )
    return float(score)


def _metadata(run: Run, feedback: Iterable[Feedback]) -> dict[str, Any]:
    said = [
        {"key": one.key, **{name: value for name in ("score", "comment") if (value := getattr(one, name)) is not None}}
        for one in feedback
    ]
    metadata = {"error": run.error, "feedback": plain(said)}
    return {name: value for name, value in metadata.items() if value}


def _account(address: RunsAddress, runs: Sequence[Run], used: Counter[Known], left: Counter[str]) -> str:
    newest = f", the newest {address.limit}" if len(runs) == address.limit else ""
    where = f"Project {address.project!r}" + (f" with {address.filter}" if address.filter else "")
    kinds = ", ".join(f"{used[known]} {known}" for known in RANKS if used[known])
    out = ", ".join(f"{count} {why}" for why, count in left.items())
    return (
        f"{where}: {len(runs)} {'run' if len(runs) == 1 else 'runs'} read{newest}, {used.total()} used"
        + (f" ({kinds})" if kinds else "")
        + (f"; left out {out}." if out else ".")
    )
