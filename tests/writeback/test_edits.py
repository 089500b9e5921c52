"""What a model's reply cannot say stays as it is in the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from langgraph_gepa.core.module import Module
from langgraph_gepa.writeback.edits import as_written
from langgraph_gepa.writeback.plan import plan

LISTED = "Find things.\n\n        Rules:\n          - a first\n            and its rest"


def written(repository: Path, name: str, content: str, old: str, new: str) -> str:
    (repository / name).write_text(content)
    (change,) = plan([Module("m", "prompt", old, file=name, line=1)], {"m": new}).files
    return change.after.decode()


@pytest.mark.parametrize("end", ["\n", "\n\n", "", "  \n"])
def test_the_end_of_a_file_stays(repository: Path, end: str) -> None:
    """The line end that an editor puts there is no part of what a model rewrites."""
    assert written(repository, "a.md", f"\nSort.\nBe brief.{end}", f"\nSort.\nBe brief.{end}", "Sort.\nBe kind.") == (
        f"\nSort.\nBe kind.{end}"
    )


@pytest.mark.parametrize(("header", "end"), [("|", ""), ("|-", ""), ("|+", "\n"), (">", ""), (">-", "")])
@pytest.mark.parametrize("new", ["Sort well.\nBe kind.", "Sort."])
def test_a_block_of_yaml_stays_the_block_it_is(repository: Path, header: str, end: str, new: str) -> None:
    """Its style and its chomping, where the text is read with or without its last line end."""
    folded = header.startswith(">")
    content = f"a: {header}\n  Sort.\n{'' if not folded else chr(10)}  Be brief.\n{end}b: 1\n"
    old = "Sort.\nBe brief." + {"|": "\n", "|-": "", "|+": "\n\n", ">": "\n", ">-": ""}[header]
    changed = written(repository, "a.yaml", content, old, new)
    assert changed.startswith(f"a: {header}\n  Sort")
    assert changed.endswith(f"{new.splitlines()[-1]}\n{end}b: 1\n")


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (LISTED + "\n          - b", LISTED + "\n          - b"),
        ("Find things.\n\nRules:\n  - a first\n    and its rest", LISTED),
        (LISTED + "\nBe quick.", LISTED + "\n        Be quick."),
        ("Find.", "Find."),
    ],
)
def test_the_lines_of_a_docstring_keep_their_indentation(new: str, expected: str) -> None:
    """Where its reader leaves the margin on, and the model took it off, wholly or in what it added."""
    assert as_written(Module("tool:find", "tool", LISTED), new) == expected


def test_space_that_a_new_text_has_of_its_own_is_its_own() -> None:
    """Only what a reply leaves out is put back; a text with nothing but space is left alone."""
    assert as_written(Module("m", "prompt", "\nOld.\n"), "New.\n\n") == "\nNew.\n\n"
    assert as_written(Module("m", "prompt", " \n"), "New.") == "New."
    assert as_written(Module("m", "prompt", "Old.\n"), "") == ""
