"""Runs become MLflow runs: numbers over rollouts, files as artifacts, prompts as versions in the registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from langgraph_gepa.search.pool import Pool
from langgraph_gepa.trackers.tracking import FLUSH, TrackedRun, Tracking, tracker_called

mlflow = pytest.importorskip("mlflow")
pytestmark = pytest.mark.filterwarnings("ignore")  # those of MLflow's own dependencies


def follow(run: TrackedRun, replayed: Any, folder: Path, prompts: Mapping[str, str]) -> None:
    page = folder / "report.html"
    page.write_text("<html>", encoding="utf-8")
    following = Tracking("mlflow", tracker_called("mlflow"), run, Pool())
    replayed(following)
    following.end([page], prompts)
    following.wait(2 * FLUSH)
    assert following.failure is None


def test_a_run_and_its_resumption_are_one_run_there(
    tracked_run: TrackedRun, replayed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second session goes on in the first one's run; a text that is still the same is no new version."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.chdir(tmp_path)  # the local server's artifacts lie in the working directory
    follow(tracked_run, replayed, tmp_path, {"tool:look up": "Find {what} with sk-secret.", "same": "Stay."})
    follow(tracked_run, replayed, tmp_path, {"tool:look up": "Find {what} in {{time}}.", "same": "Stay."})
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("langgraph-gepa").experiment_id
    (run,) = client.search_runs([experiment])  # the sample journal stops in the middle of an iteration
    assert (run.info.run_name, run.info.status, run.data.params["metric"]) == ("desk ***", "KILLED", "exact ***")
    assert run.data.metrics["candidates"] == 3
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["report.html"]
    first, second = (client.get_prompt_version("helpdesk.tool-look-up", n).template for n in (1, 2))
    assert (first, second) == ("Find {what} with ***.", "Find {what} in {{time}}.")
    assert client.load_prompt("prompts:/helpdesk.same@latest").version == 1
    follow(replace(tracked_run, id="b" * 32), replayed, tmp_path, {})
    assert len(client.search_runs([experiment])) == 2


def test_a_folder_of_files_is_a_store_too(
    tracked_run: TrackedRun, replayed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where MLflow still allows one."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tmp_path.joinpath("mlruns").as_uri())
    follow(tracked_run, replayed, tmp_path, {"planner": "Plan."})
    client = mlflow.MlflowClient()
    (run,) = client.search_runs([client.get_experiment_by_name("langgraph-gepa").experiment_id])
    assert [file.path for file in client.list_artifacts(run.info.run_id)] == ["report.html"]
