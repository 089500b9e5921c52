"""The command line. Every command calls one function of the package and prints the result.

A command imports what it needs when it is called, so that `--help` and a mistyped option are answered at once.
`console` documents the exit codes.
"""

from __future__ import annotations

from langgraph_gepa.cli import eval_command, graph_commands, run_commands
from langgraph_gepa.cli.console import app, start

__all__ = ["app", "eval_command", "graph_commands", "main", "run_commands"]


def main() -> None:
    """Runs the console script.

    The working directory, which may belong to somebody else, is put on Python's path only to load the user's code
    from there.
    """
    start(app)
