"""The command line. Every command is a thin shell over the package: it reads words and prints results.

A command imports what it needs when it is called: `--help` and a mistyped option are answered at
once, and who waits for a graph to be loaded has been told so. Exit codes are told in `console`.
"""

from __future__ import annotations

from langgraph_gepa.cli import optimizing, reading
from langgraph_gepa.cli.console import app, start

__all__ = ["app", "main", "optimizing", "reading"]


def main() -> None:
    """The console script. The working directory, which may be a stranger's, is put on Python's path by what loads the
    user's code there, and not before."""
    start(app)
