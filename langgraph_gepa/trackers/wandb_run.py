"""Weights & Biases: the numbers over rollouts, and the run's files. `WANDB_MODE=offline` keeps all on this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import wandb

from langgraph_gepa.errors import UsageError
from langgraph_gepa.trackers.tracking import Step, TrackedRun

PROJECT = "langgraph-gepa"
"""The project where `WANDB_PROJECT` names none."""


def tracker() -> Callable[[TrackedRun], WandbTracker]:
    """Raises `UsageError` where a key is missing: W&B would ask for it on the terminal, in the middle of the run."""
    if os.environ.get("WANDB_MODE", "online") == "online" and not wandb.api.api_key:
        raise UsageError(
            "Weights & Biases has no API key here. Run `wandb login`, set WANDB_API_KEY, or set WANDB_MODE=offline."
        )
    return WandbTracker


class WandbTracker:
    """Goes on in the run of earlier sessions, which has the same id. A run of the user's own stays as it is."""

    def __init__(self, run: TrackedRun) -> None:
        self._run = wandb.init(
            id=run.id,
            resume="allow",
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=run.mask(run.name),
            config={name: run.mask(value) for name, value in run.settings.items() if value},
            reinit="create_new",
            # The metadata have the command line and the machine, which no mask of the run has seen.
            settings=wandb.Settings(silent=True, console="off", x_disable_machine_info=True),
        )
        self._run.define_metric("*", step_metric="rollouts")

    def record(self, step: Step) -> None:
        if step.metrics:
            self._run.log(dict(step.metrics))

    def end(self, step: Step, files: Sequence[Path], prompts: Mapping[str, str], *, finished: bool) -> None:  # noqa: ARG002 - the prompts are among the files
        self.record(step)
        artifact = wandb.Artifact(f"{self._run.id}-files", type="langgraph-gepa")
        for file in files:
            artifact.add_file(str(file))
        if files:
            self._run.log_artifact(artifact)
        self._run.finish(exit_code=0 if finished else 1)
