"""Which files of a project are searched for prompts, told from a tree of names alone."""

from __future__ import annotations

import pytest

from langgraph_gepa.core.file_kinds import ending, project_files

Tree = list[tuple[str, list[str], list[str]]]


@pytest.mark.parametrize(
    ("name", "expected"), [("a.MD", ".md"), ("a.b.yaml", ".yaml"), (".md", ""), ("a", ""), ("a.", "")]
)
def test_an_ending_is_what_follows_the_last_dot(name: str, expected: str) -> None:
    """In lower case; a hidden file's name is no ending."""
    assert ending(name) == expected


def test_files_are_listed_in_order_by_their_endings() -> None:
    """Other files are left out."""
    tree: Tree = [("app", [], ["b.md", "a.txt", "c.py"])]
    assert list(project_files(tree, {".md", ".txt"})) == [("app", "a.txt"), ("app", "b.md")]


def test_folders_that_hold_no_prompts_are_not_entered() -> None:
    """Hidden ones and installed packages are taken from the folders that `os.walk` goes on with, the others sorted."""
    below = [".git", "venv", "z", "node_modules", "a"]
    assert not list(project_files([("app", below, [])], {".md"}))
    assert below == ["a", "z"]


@pytest.mark.parametrize("mark", ["run.db", "pyvenv.cfg"])
def test_a_run_and_an_environment_are_skipped_whole(mark: str) -> None:
    """Neither their files nor the folders below them are listed."""
    below = ["prompts"]
    assert not list(project_files([("run", below, [mark, "a.md"])], {".md"}))
    assert not below
