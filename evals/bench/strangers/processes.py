"""A stranger's project on disk, and a process of its own for each of its graphs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from strangers.labels import FOLDER, Project
from strangers.loopback import Json

_BENCH = Path(__file__).resolve().parents[1]


def reach(project: Project, folder: Path) -> Path | str:
    """The project's folder, fetched if need be; or why it cannot be had."""
    if not project.repo:
        return FOLDER
    root = folder / project.name
    if root.is_dir():
        return root
    root.mkdir(parents=True)
    for command in (
        ["git", "init", "-q"],
        ["git", "fetch", "-q", "--depth", "1", project.repo, project.commit],
        ["git", "checkout", "-q", "FETCH_HEAD"],
    ):
        done = subprocess.run(command, cwd=root, capture_output=True, text=True)
        if done.returncode:
            shutil.rmtree(root)
            return f"{' '.join(command[:2])} failed: {done.stderr.strip().splitlines()[-1][:160]}"
    return root


def answer_of(command: Sequence[str], root: Path, seconds: float) -> Json:
    """The JSON object that a command prints last, behind a record separator; or the error that kept it from it."""
    path = os.pathsep.join([str(_BENCH), str(_BENCH.parents[1]), os.environ.get("PYTHONPATH", "")])
    try:
        done = subprocess.run(
            command, cwd=root, env={**os.environ, "PYTHONPATH": path}, capture_output=True, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        return {"error": f"no answer in {seconds:.0f} s"}
    last = done.stdout.decode(errors="replace").rpartition("\x1e")[2]
    try:
        answer: Json = json.loads(last)
    except json.JSONDecodeError:
        return {
            "error": f"exit {done.returncode}: {done.stderr.decode(errors='replace').strip()[-300:] or last[-300:]}"
        }
    return answer
