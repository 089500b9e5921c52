"""The links of the documentation, read from its source: no site has to be built for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import langgraph_gepa

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "evals/bench").glob("*.md")),
]
MADE = {ROOT / "docs/reference/command-line.md", ROOT / "docs/tutorial.md"}
"""Pages that only the site has."""

pytestmark = pytest.mark.skipif(not (ROOT / "docs").is_dir(), reason="the package is tested away from its repository")


def prose(page: Path) -> str:
    """The text of a page without its code."""
    text = re.sub(r"(?ms)^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"))
    return re.sub(r"`[^`\n]*`", lambda code: code[0] if "](" not in code[0] else "", text)


def links(page: Path) -> Iterator[str]:
    yield from re.findall(r"\]\(([^)\s]+)\)", prose(page))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and MkDocs make them."""
    headings = re.findall(r"(?m)^#+ (.+)$", prose(page))
    words = (re.sub(r"[^\w\s-]", "", heading).strip().lower() for heading in headings)
    return {re.sub(r"\s", "-", text) for text in words}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_each_link_leads_somewhere(page: Path) -> None:
    """A link within the repository names a file that is there, and a heading of it; another one is an https address."""
    for link in links(page):
        if ":" in link:
            assert urlsplit(link).scheme == "https", link
            assert "." in urlsplit(link).netloc, link
            continue
        target, _, anchor = link.partition("#")
        file = (page.parent / target).resolve() if target else page
        assert file.exists() or file in MADE, link
        assert not anchor or anchor in anchors(file), link


def test_the_reference_has_each_public_name_once() -> None:
    """What `__all__` lists is documented, and nothing else is; the root of the errors stands among them."""
    listed = re.findall(r"(?m)^::: langgraph_gepa\.(\w+)$", (ROOT / "docs/reference/python.md").read_text())
    assert sorted(listed) == sorted({*langgraph_gepa.__all__, "errors"} - {"Error"})
