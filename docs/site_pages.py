"""MkDocs hooks: the pages of the site that are not files in docs/, and links that lead out of docs/.

Links in Markdown files are those of the repository, where they also work in an editor. On the site, a link to a file
that has a page leads to the page, and a link to any other file, such as a module, is its words alone. A file that is
not there is a warning, which `--strict` makes an error.
"""

from __future__ import annotations

import logging
import re
from os.path import normpath, relpath
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.structure.files import File, Files
from nbconvert import MarkdownExporter
from nbconvert.filters import strip_ansi
from typer import Context
from typer.cli import get_docs_for_click
from typer.main import get_command

from langgraph_gepa.cli import app

ROOT = Path(__file__).parents[1]
_LOG = logging.getLogger("mkdocs.hooks.site_pages")

OUTSIDE = {
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security.md",
    "evals/bench/README.md": "project/benchmarks.md",
    "evals/bench/discovery.md": "project/discovery.md",
    **{f"evals/bench/history/{f.name}": f"project/history/{f.name}" for f in (ROOT / "evals/bench/history").iterdir()},
}
"""Files of the repository that have a place on the site, and their place."""

_LINK = re.compile(r"(?P<text>!?\[(?:[^][]|\[[^][]*\])*\])\((?P<target>[^)\s#:]+)(?P<anchor>#[^)\s]*)?\)")


def command_line() -> str:
    """Returns the reference of the command line, made from its app."""
    command = get_command(app)
    text = get_docs_for_click(obj=command, ctx=Context(command), name="langgraph-gepa", title="Command line")
    head, _, commands = text.partition("**Commands**:")  # these are in the table of contents, in full
    return re.sub(r"(?m)^\* `.*$", _without_emphasis, head + commands[commands.index("\n## ") :])


def _without_emphasis(option: re.Match[str]) -> str:
    """Escapes the asterisks in the help of an option, such as those of patterns."""
    return "*" + option[0][1:].replace("*", r"\*")


def tutorial() -> str:
    """Returns the notebook as Markdown, with the outputs that it was kept with."""
    text: str = strip_ansi(MarkdownExporter().from_filename(str(ROOT / "docs/tutorial.ipynb"))[0])
    return text


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages that are made."""
    files.append(File.generated(config, "tutorial.md", content=tutorial()))
    files.append(File.generated(config, "reference/command-line.md", content=command_line()))
    for source, place in OUTSIDE.items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turns links of the repository into links of the site."""
    sources = {place: source for source, place in OUTSIDE.items()}
    place = PurePosixPath(page.file.src_uri)
    return with_site_links(markdown, PurePosixPath(sources.get(str(place), f"docs/{place}")), place)


def with_site_links(markdown: str, source: PurePosixPath, place: PurePosixPath) -> str:
    """Returns the text of `source`, a file of the repository, as it stands at `place` on the site."""

    def rewritten(link: re.Match[str]) -> str:
        target = normpath(source.parent / link["target"])
        if target.startswith("docs/"):
            page = target.removeprefix("docs/")
        elif target in OUTSIDE:
            page = OUTSIDE[target]
        elif (ROOT / target).exists():
            return link["text"][1:-1]
        else:
            _LOG.warning("%s links to %s, which is not there", source, link["target"])
            return link[0]
        return f"{link['text']}({relpath(page, place.parent)}{link['anchor'] or ''})"

    return _LINK.sub(rewritten, markdown)
