"""What the site has that the repository has not: pages that are made, and links that lead out of docs/."""

from __future__ import annotations

import importlib.util
import logging
import re
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from typer.main import get_command

from langgraph_gepa.cli import app

HOOKS = Path(__file__).parents[2] / "docs" / "site_pages.py"
pytest.importorskip("mkdocs", reason='the site needs `pip install -e ".[docs]"`')


@pytest.fixture(scope="module")
def hooks() -> Any:
    spec = importlib.util.spec_from_file_location("site_pages", HOOKS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_command_line_is_documented_in_full(hooks: Any) -> None:
    """Each command has its heading, and each of its options a line with its help."""
    sections = dict(re.findall(r"(?ms)^## `langgraph-gepa (\w+)`$(.*?)(?=^## |\Z)", hooks.command_line()))
    commands = getattr(get_command(app), "commands")  # noqa: B009 - typed as any command, not as a group of them
    assert sections.keys() == commands.keys()
    for name, command in commands.items():
        named = {option for one in command.params for option in one.opts if option.startswith("--")}
        assert named <= set(re.findall(r"--[\w-]+", sections[name]))


@pytest.mark.parametrize(
    ("link", "on_site"),
    [
        ("[policy](../SECURITY.md)", "[policy](project/security.md)"),
        ("[policy](../SECURITY.md#reporting)", "[policy](project/security.md#reporting)"),
        ("[words](glossary.md)", "[words](glossary.md)"),
        ("[the module](../langgraph_gepa/api.py)", "the module"),
        ("[`api.py`](../langgraph_gepa/api.py)", "`api.py`"),
        ("[paper](https://arxiv.org/abs/2507.19457)", "[paper](https://arxiv.org/abs/2507.19457)"),
        ("[below](#what-holds)", "[below](#what-holds)"),
    ],
)
def test_a_link_of_the_repository_becomes_one_of_the_site(hooks: Any, link: str, on_site: str) -> None:
    """A file with a page leads to the page; one without is named, and no longer a link."""
    place = PurePosixPath("index.md")
    assert hooks.with_site_links(link, PurePosixPath("docs/index.md"), place) == on_site


def test_a_page_from_elsewhere_finds_its_neighbours(hooks: Any) -> None:
    """Links of a file outside docs/ are read from where it lies, and written for where its page is."""
    source, place = PurePosixPath("CONTRIBUTING.md"), PurePosixPath("project/contributing.md")
    assert hooks.with_site_links("[a](docs/glossary.md)", source, place) == "[a](../glossary.md)"


def test_a_link_to_nothing_is_a_warning(hooks: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A strict build fails by it."""
    with caplog.at_level(logging.WARNING):
        hooks.with_site_links("[a](../gone.py)", PurePosixPath("docs/index.md"), PurePosixPath("index.md"))
    assert "gone.py" in caplog.text
