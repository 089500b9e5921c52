"""The workflow of examples/workflows: its steps do what they promise in a project of one's own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from langgraph_gepa.demo.server import SimulatedServer
from tests.conftest import clerk, editor, letters

WORKFLOW = Path(__file__).parents[2] / "examples" / "workflows" / "better-prompts.yml"


@pytest.mark.skipif(not (shutil.which("jq") and shutil.which("bash")), reason="the workflow uses bash and jq")
def test_the_nightly_workflow_applies_prompts_that_hold_on_held_out_examples(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its two own steps, run by bash as GitHub does, leave better prompts in the source and the verdict as output."""
    (job,) = yaml.safe_load(WORKFLOW.read_text())["jobs"].values()
    (project / "held_out.jsonl").write_text("\n".join(map(json.dumps, letters(20, 24))))
    source = (project / "letters.py").read_text().replace("simulated-clerk", "gpt-5-mini")  # which has a price
    (project / "letters.py").write_text(source)
    mine = {"GRAPH": "letters.py:graph", "METRIC": "letters.py:score", "TRACES": "train.jsonl"}
    with SimulatedServer({"gpt-5-mini": clerk, "gpt-5": editor}) as models:
        monkeypatch.setenv("OPENAI_BASE_URL", models.base_url)
        files = _steps(job, project, mine | {"HELD_OUT": "held_out.jsonl"})
    assert files["output"].read_text() == "verdict=better\n"
    assert "The new prompts help" in files["summary"].read_text()
    assert (project / "letters.py").read_text() != source


def _steps(job: dict[str, Any], project: Path, mine: dict[str, str]) -> dict[str, Path]:
    """Runs the steps that call `langgraph-gepa` and returns the files that GitHub would read afterwards."""
    files = {"output": project / "github-output", "summary": project / "github-summary"}
    tools = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    github = {"GITHUB_OUTPUT": str(files["output"]), "GITHUB_STEP_SUMMARY": str(files["summary"])}
    secrets = {"OPENAI_API_KEY": "simulated", "LANGSMITH_API_KEY": ""}
    environment = {**os.environ, **job["env"], **secrets, **mine, **tools, **github}
    for step in job["steps"]:
        if step.get("name") in ("Search for better prompts", "Apply them if held-out examples say that they help"):
            subprocess.run(["bash", "-eo", "pipefail", "-c", step["run"]], cwd=project, env=environment, check=True)
    return files


def test_each_file_that_llms_txt_and_the_skill_name_exists() -> None:
    """Links of the pages for coding agents lead somewhere."""
    root = Path(__file__).parents[2]
    for page in (root / "llms.txt", root / "AGENTS.md", root / "skills/langgraph-gepa/SKILL.md"):
        for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} names {target}"
