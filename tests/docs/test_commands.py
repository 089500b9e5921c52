"""The commands and programs that the documentation names are those that there are."""

from __future__ import annotations

import ast
import re
from inspect import signature
from pathlib import Path

import pytest
from typer.main import get_command

import langgraph_gepa
from langgraph_gepa.cli import app

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted((ROOT / "docs").rglob("*.md")),
    *(page for page in (ROOT / "README.md", ROOT / "SECURITY.md", *(ROOT / "skills").rglob("*.md")) if page.is_file()),
]
COMMANDS = {
    name: {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
    for name, command in getattr(get_command(app), "commands").items()  # noqa: B009 - typed as any command
}

OF_OTHERS = {"--n-jobs-per-worker"}
"""Options of `langgraph dev`."""

pytestmark = pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="the package is tested away from its repository")


def code_in(page: Path) -> list[str]:
    """The blocks and the inline code of a page; a line that is continued is one line."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = re.findall(r"(?ms)^ *```[^\n]*\n(.*?)^ *```$", text)
    inline = re.findall(r"`([^`]+)`", re.sub(r"(?ms)^ *```.*?^ *```$", "", text))
    return [line for block in blocks for line in block.splitlines()] + [" ".join(code.split()) for code in inline]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_command_is_one_that_there_is(page: Path) -> None:
    """A command that a page names exists and has the options it is given; an option alone is one of some command."""
    options = OF_OTHERS.union(*COMMANDS.values())
    for line in code_in(page):
        assert set(re.findall(r"^--[a-z][\w-]*", line)) <= options, line
        for name, rest in re.findall(r"langgraph-gepa +([a-z]+)\b([^;&|#]*)", line.partition(" #")[0]):
            assert name in COMMANDS, line
            assert set(re.findall(r"(?<=\s)--?[a-z][\w-]*", rest)) <= COMMANDS[name] | {"--help"}, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_program_gives_arguments_that_there_are(page: Path) -> None:
    """A block of Python can be parsed, and calls of our public names have keywords that these take."""
    for block in re.findall(r"(?ms)^```python[^\n]*\n(.*?)^```$", page.read_text(encoding="utf-8")):
        for call in (node for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Call)):
            if isinstance(call.func, ast.Name) and call.func.id in langgraph_gepa.__all__:
                known = signature(getattr(langgraph_gepa, call.func.id)).parameters
                assert {word.arg for word in call.keywords if word.arg} <= known.keys() or "how" in known, block
