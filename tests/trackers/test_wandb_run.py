"""Runs become Weights & Biases runs, written offline here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from langgraph_gepa.errors import UsageError
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.trackers.tracking import FLUSH, TrackedRun, Tracking, tracker_called

wandb = pytest.importorskip("wandb")
pytestmark = pytest.mark.filterwarnings("ignore")  # those of W&B's own dependencies


def test_an_offline_run_has_numbers_and_files_and_no_secret(
    tracked_run: TrackedRun, replayed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its id is the run's, so that what a later session writes belongs to the same run."""
    for name, value in {"MODE": "offline", "DIR": str(tmp_path), "DATA_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    page = tmp_path / "report.html"
    page.write_text("<html>", encoding="utf-8")
    following = Tracking("wandb", tracker_called("wandb"), tracked_run, Pool())
    replayed(following)
    following.end([page], {})
    following.wait(FLUSH)
    assert following.failure is None
    (file,) = tmp_path.rglob(f"*{tracked_run.id}.wandb")
    written = file.read_bytes()
    for text in (b"rollouts", b"score", b"report.html", b"desk ***"):
        assert text in written, text
    assert b"sk-secret" not in written


def test_a_missing_key_is_an_error_before_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """W&B would ask for it on the terminal."""
    for name in ("WANDB_API_KEY", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with pytest.raises(UsageError, match="WANDB_MODE=offline"):
        tracker_called("wandb")
