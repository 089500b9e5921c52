"""MLflow: the numbers over rollouts, the run's files as artifacts, and its best prompts in the prompt registry."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run
from mlflow.exceptions import MlflowException

from langgraph_gepa.trackers.tracking import Step, TrackedRun, registered_name

EXPERIMENT = "langgraph-gepa"
"""The experiment where `MLFLOW_EXPERIMENT_NAME` names none."""
LONGEST = 500
"""Characters of a parameter that every version of MLflow stores."""
_ID = "langgraph_gepa.run_id"


def tracker() -> Callable[[TrackedRun], MlflowTracker]:
    return MlflowTracker


class MlflowTracker:
    """Goes on in the MLflow run of earlier sessions, which is found by its tag. The server is MLflow's own setting."""

    def __init__(self, run: TrackedRun) -> None:
        self._tracked = run
        self._client = MlflowClient()
        self._run = self._known() or self._new()
        self._client.update_run(self._run, status="RUNNING")

    def record(self, step: Step) -> None:
        """The step of a metric is the number of rollouts that were paid for by then."""
        metrics = [Metric(name, value, int(step.at * 1000), step.rollouts) for name, value in step.metrics.items()]
        if metrics:
            self._client.log_batch(self._run, metrics=metrics)

    def end(self, step: Step, files: Sequence[Path], prompts: Mapping[str, str], *, finished: bool) -> None:
        self.record(step)
        for file in files:
            self._client.log_artifact(self._run, str(file))
        self._client.set_terminated(self._run, "FINISHED" if finished else "KILLED")
        for module, text in prompts.items():
            self._register(registered_name(self._tracked.mask(self._tracked.graph), module), text)

    def _experiment(self) -> str:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
        found = self._client.get_experiment_by_name(name)
        return str(found.experiment_id if found else self._client.create_experiment(name))

    def _known(self) -> str | None:
        query = f"tags.`{_ID}` = '{self._tracked.id}'"
        runs: Sequence[Run] = self._client.search_runs([self._experiment()], query, max_results=1)
        return next((str(run.info.run_id) for run in runs), None)

    def _new(self) -> str:
        run, mask = self._tracked, self._tracked.mask
        made = self._client.create_run(self._experiment(), run_name=mask(run.name), tags={_ID: run.id})
        params = [Param(name, mask(value)[:LONGEST]) for name, value in run.settings.items() if value]
        self._client.log_batch(made.info.run_id, params=params)
        return str(made.info.run_id)

    def _register(self, name: str, text: str) -> None:
        """Adds a version where the text is a new one. A store without a registry has the prompts in the artifacts."""
        try:
            latest = self._client.load_prompt(f"prompts:/{name}@latest", allow_missing=True)
            if text and (latest is None or latest.template != text):
                run = self._tracked
                self._client.register_prompt(name, text, commit_message=run.mask(run.name), tags={_ID: run.id})
        except MlflowException as error:
            if error.error_code not in ("FEATURE_DISABLED", "ENDPOINT_NOT_FOUND", "NOT_IMPLEMENTED"):
                raise
