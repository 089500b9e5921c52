"""Logs rollouts as LangSmith experiments (https://docs.langchain.com/langsmith/evaluation-concepts).

An experiment is a project that refers to a data set; each of its runs refers to an example there and has its scores as
feedback. Logging twice duplicates nothing: an experiment is found by its name, and the ids of its runs and their
feedback are derived from it and the rollout. What a failure left out is logged by the next call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from langgraph_gepa.core.example import Example
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.langsmith.client import batches, connected, supported
from langgraph_gepa.langsmith.example_upload import Place, places

if TYPE_CHECKING:
    from langsmith import Client
    from langsmith.schemas import TracerSession

AT_ONCE = 8
ATTEMPTS = 4
"""Of sending feedback on a run that LangSmith has received but not stored yet: some 10 seconds in all."""


@dataclass(frozen=True, slots=True)
class LoggedRollout:
    """A rollout to log as a run: its key in the ledger, its example, and the set (split) of the example."""

    key: str
    example: Example
    split: str
    rollout: Rollout

    @property
    def place(self) -> str:
        return f"{self.example.id} {self.example.digest}"


@dataclass(frozen=True, slots=True)
class Experiment:
    """One candidate's rollouts. `name` differs for each run and candidate; `score` is the name of the metric."""

    name: str
    description: str
    metadata: Mapping[str, Any]
    score: str
    rollouts: Sequence[LoggedRollout]


def log(experiments: Sequence[Experiment], dataset: str | None) -> dict[str, str]:
    """Logs the rollouts that are not in LangSmith yet. Returns the URL that compares the experiments, by data set.

    `dataset` names the data set for examples that are in none, see `example_upload.places`. Raises `UsageError`.
    """
    with connected("The experiments cannot be logged") as client:
        examples = {one.place: (one.example, one.split) for experiment in experiments for one in experiment.rollouts}
        found = places(client, examples, dataset)
        pages: dict[str, str] = {}
        for home in dict.fromkeys(place.dataset for place in found.values()):
            here = {key: place for key, place in found.items() if place.dataset == home}
            projects = [project for one in experiments if (project := _log(client, one, home, here))]
            held = client.read_dataset(dataset_id=home)
            pages[held.name] = f"{held.url}/compare?selectedSessions={'%2C'.join(str(one.id) for one in projects)}"
        return pages


def _log(client: Client, experiment: Experiment, home: UUID, here: Mapping[str, Place]) -> TracerSession | None:
    """Logs the rollouts on the examples `here`, which are in the data set `home`; `None` when there are none."""
    rollouts = [one for one in experiment.rollouts if one.place in here]
    if not rollouts:
        return None
    versions = {"dataset_version": max(place.version for place in here.values())}
    project = _project(client, experiment, home, {name: at for name, at in versions.items() if at})
    runs = {uuid5(project.id, f"{one.key} {one.place}"): one for one in rollouts}
    sent = {feedback.id for some in batches(list(runs)) for feedback in client.list_feedback(run_ids=some)}

    def send(id: UUID) -> None:
        one = runs[id]
        scores = [score for score in _scores(experiment.score, one.rollout) if uuid5(id, score[0]) not in sent]
        if scores:
            _send_run(client, project, id, one, here[one.place].example)
        for key, score, comment in scores:
            about: dict[str, Any] = {"score": score, "comment": comment or None, "feedback_id": uuid5(id, key)}
            about |= supported(client.create_feedback, session_id=project.id)  # newer versions need it
            client.create_feedback(id, key, trace_id=id, stop_after_attempt=ATTEMPTS, **about)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(send, runs))
    return project


def _project(client: Client, experiment: Experiment, home: UUID, more: Mapping[str, str]) -> TracerSession:
    from langsmith.utils import LangSmithConflictError, LangSmithNotFoundError

    name = f"{experiment.name}-{str(home)[:8]}"
    project: TracerSession
    try:
        project = client.read_project(project_name=name)
    except LangSmithNotFoundError:
        how: dict[str, Any] = {"description": experiment.description, "metadata": {**experiment.metadata, **more}}
        try:
            project = client.create_project(name, reference_dataset_id=home, **how)
        except LangSmithConflictError:  # another process was faster
            project = client.read_project(project_name=name)
    return project


def _send_run(client: Client, project: TracerSession, id: UUID, logged: LoggedRollout, example: UUID) -> None:
    """Creates one root run; an existing one is left as it is.

    The time of day of a rollout is not stored, so the run starts with the experiment; its duration is right.
    """
    rollout, start = logged.rollout, project.start_time
    outputs = rollout.outputs
    client.create_run(
        name="graph",
        run_type="chain",
        project_name=project.name,
        id=id,
        trace_id=id,
        dotted_order=f"{start:%Y%m%dT%H%M%S%fZ}{id}",
        inputs=dict(logged.example.inputs),
        outputs=outputs if outputs is None or isinstance(outputs, Mapping) else {"output": outputs},
        error=rollout.error,
        start_time=start,
        end_time=start + timedelta(seconds=rollout.seconds),
        reference_example_id=example,
        extra={"metadata": {"set": logged.split, "tokens": rollout.usage.tokens, "dollars": rollout.usage.dollars}},
    )


def _scores(name: str, rollout: Rollout) -> list[tuple[str, float, str]]:
    """Key, score and comment of each feedback: the score with all comments, then each objective."""
    feedback = rollout.feedback
    comments = [feedback.comment, *(f"{module}: {comment}" for module, comment in feedback.by_module.items())]
    objectives = [(key, score, "") for key, score in feedback.objectives.items() if key != name]
    return [(name, feedback.score, "\n".join(filter(None, comments))), *objectives]
