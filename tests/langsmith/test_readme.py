"""The README's program for LangSmith."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import langgraph_gepa
from langgraph_gepa import Budget, Result

README = Path(__file__).parents[2] / "README.md"


def test_the_program_does_what_its_comments_say(project: Path, smith: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Word for word, but for the reflection model and the budget: it ends with two experiments and with prompts."""
    (program,) = re.findall(r"```python\n([^`]*langsmith:.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    held = smith.dataset("helpdesk", [])
    for split in ("train", "val"):
        for line in (project / f"{split}.jsonl").read_text().splitlines():
            row = json.loads(line)
            smith.example(held, split=split, inputs=row["inputs"], outputs=row["outputs"])
    optimize = partial(langgraph_gepa.optimize, budget=Budget(rollouts=60), progress=False)
    names = {"optimize": optimize, "agent": "letters", "metric": "letters.py:score"}
    exec(program.replace("openai:gpt-5", "openai:simulated-editor"), names)  # noqa: S102 - our own README
    assert isinstance(names["result"], Result)
    assert [one["reference_dataset_id"] for one in smith.sessions.values()] == [None, held, held]
    assert {f"helpdesk-{name}" for name in ("sort", "answer")} == set(smith.repos)
    assert "{'helpdesk': 'http://localhost/o/" in capsys.readouterr().out
