"""The folder of a run for which the user named none."""

import re
from pathlib import Path
from typing import Any

import pytest

from langgraph_gepa.runs.new_folder import graph_name, new_folder


@pytest.mark.parametrize(
    ("name", "graph", "folder"),
    [
        ("letters", "letters.py:graph", "letters"),
        ("LangGraph", "src/desk.py:graph", "desk"),
        ("LangGraph", "company.agents.desk:agent", "desk"),
        ("LangGraph", "src/desk.py:support", "support"),
        ("LangGraph", "desk", "desk"),
        ("LangGraph", object(), "texts"),
        ("a name / with signs", object(), "a-name-with-signs"),
    ],
)
def test_a_new_folder_is_named_after_the_graph(
    name: str, graph: Any, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its own name; one that was given none by where it is, or where its texts are."""
    monkeypatch.chdir(tmp_path)
    assert re.fullmatch(rf"{folder}-\d{{8}}-\d{{6}}", new_folder(graph_name(name, graph, (None, "src/texts.py"))).name)


def test_runs_that_start_in_the_same_second_have_folders_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the second would find the first one's run there, and go on with it or be refused."""
    monkeypatch.chdir(tmp_path)
    folders = [new_folder("desk") for _ in range(12)]
    assert len(set(folders)) == 12
    assert all(folder.stat().st_mode & 0o777 == 0o700 for folder in folders)
