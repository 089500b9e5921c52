"""The files of a project that may hold prompts, by their endings, and the folders that are searched for them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

TEXT_ENDINGS = frozenset({
    ".md", ".markdown", ".txt", ".prompt", ".jinja", ".jinja2", ".j2", ".mustache", ".hbs", ".tmpl", ".tpl", ".xml",
    ".html",
})  # fmt: skip
"""Endings of files that are a text as a whole."""
VALUE_ENDINGS = frozenset({".json", ".yaml", ".yml"})
"""Endings of files that hold texts as values."""
PROGRAM_ENDINGS = frozenset({".py", ".pyi", ".ipynb"})
_SKIPPED = {"node_modules", "__pycache__", "site-packages", "build", "dist", "venv"}


def ending(name: str) -> str:
    """The ending of a file's name in lower case, with its dot; empty if there is none."""
    stem, dot, last = name.rpartition(".")
    return dot + last.lower() if stem and last else ""


def project_files(
    tree: Iterable[tuple[str, list[str], list[str]]], endings: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Folder and name of the files with one of these endings, in alphabetical order.

    `tree` is what `os.walk` gives. Hidden folders, installed packages, virtual environments and the folders of runs are
    skipped.
    """
    for folder, below, names in tree:
        if "run.db" in names or "pyvenv.cfg" in names:
            below.clear()
            continue
        below[:] = sorted(name for name in below if not name.startswith(".") and name not in _SKIPPED)
        yield from ((folder, name) for name in sorted(names) if ending(name) in endings)
