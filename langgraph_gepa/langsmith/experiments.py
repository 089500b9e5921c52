"""Rollouts that were paid for, as LangSmith experiments (https://docs.langchain.com/langsmith/evaluation-concepts).

An experiment is a project that refers to a data set; each of its runs refers to an example there and has its scores as
feedback. Nothing is doubled: an experiment is found by its name, and its runs and their feedback have ids that are made
of it and of the rollout. What is missing after a failure comes with the next call.
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
from langgraph_gepa.langsmith.client import batches, connected, taken
from langgraph_gepa.langsmith.placing import Place, places

if TYPE_CHECKING:
    from langsmith import Client
    from langsmith.schemas import TracerSession

AT_ONCE = 8
ATTEMPTS = 4
"""Of giving feedback on a run that LangSmith has taken in and does not know yet: some 10 seconds together."""


@dataclass(frozen=True, slots=True)
class Done:
    """A rollout that is to be a run: its key in the ledger, its example, and the set of examples that is in."""

    key: str
    example: Example
    split: str
    rollout: Rollout

    @property
    def place(self) -> str:
        return f"{self.example.id} {self.example.digest}"


@dataclass(frozen=True, slots=True)
class Experiment:
    """`name` is another for each run and candidate; `score` is what the metric is called."""

    name: str
    description: str
    metadata: Mapping[str, Any]
    score: str
    done: Sequence[Done]


def log(experiments: Sequence[Experiment], dataset: str | None) -> dict[str, str]:
    """Logs what is not there yet. By the name of each data set the page that shows its experiments side by side.

    `dataset` is for examples that are in none, see `placing.places`. Raises `UsageError`.
    """
    with connected("The experiments cannot be logged") as client:
        examples = {one.place: (one.example, one.split) for experiment in experiments for one in experiment.done}
        found = places(client, examples, dataset)
        pages: dict[str, str] = {}
        for home in dict.fromkeys(place.dataset for place in found.values()):
            here = {key: place for key, place in found.items() if place.dataset == home}
            projects = [project for one in experiments if (project := _logged(client, one, home, here))]
            held = client.read_dataset(dataset_id=home)
            pages[held.name] = f"{held.url}/compare?selectedSessions={'%2C'.join(str(one.id) for one in projects)}"
        return pages


def _logged(client: Client, experiment: Experiment, home: UUID, here: Mapping[str, Place]) -> TracerSession | None:
    """The experiment over the examples that are `here`, in the data set `home`; none where no rollout is of them."""
    done = [one for one in experiment.done if one.place in here]
    if not done:
        return None
    versions = {"dataset_version": max(place.version for place in here.values())}
    project = _project(client, experiment, home, {name: at for name, at in versions.items() if at})
    runs = {uuid5(project.id, f"{one.key} {one.place}"): one for one in done}
    given = {said.id for some in batches(list(runs)) for said in client.list_feedback(run_ids=some)}

    def send(id: UUID) -> None:
        one = runs[id]
        scores = [said for said in _scores(experiment.score, one.rollout) if uuid5(id, said[0]) not in given]
        if scores:
            _send_run(client, project, id, one, here[one.place].example)
        for key, score, comment in scores:
            about: dict[str, Any] = {"score": score, "comment": comment or None, "feedback_id": uuid5(id, key)}
            about |= taken(client.create_feedback, session_id=project.id)  # newer versions ask for it
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
        except LangSmithConflictError:  # somebody does the same at this moment
            project = client.read_project(project_name=name)
    return project


def _send_run(client: Client, project: TracerSession, id: UUID, done: Done, example: UUID) -> None:
    """One root run; one that is there already stays as it is.

    The time of day of a rollout is not kept: it starts with the experiment, and takes as long as it took.
    """
    rollout, start = done.rollout, project.start_time
    outputs = rollout.outputs
    client.create_run(
        name="graph",
        run_type="chain",
        project_name=project.name,
        id=id,
        trace_id=id,
        dotted_order=f"{start:%Y%m%dT%H%M%S%fZ}{id}",
        inputs=dict(done.example.inputs),
        outputs=outputs if outputs is None or isinstance(outputs, Mapping) else {"output": outputs},
        error=rollout.error,
        start_time=start,
        end_time=start + timedelta(seconds=rollout.seconds),
        reference_example_id=example,
        extra={"metadata": {"set": done.split, "tokens": rollout.usage.tokens, "dollars": rollout.usage.dollars}},
    )


def _scores(name: str, rollout: Rollout) -> list[tuple[str, float, str]]:
    """Key, score and comment of each feedback: the score with all that was said, then each objective."""
    feedback = rollout.feedback
    said = [feedback.comment, *(f"{module}: {comment}" for module, comment in feedback.by_module.items())]
    objectives = [(key, score, "") for key, score in feedback.objectives.items() if key != name]
    return [(name, feedback.score, "\n".join(filter(None, said))), *objectives]
