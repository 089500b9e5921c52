"""What every command shares: the app, how it fails and what it exits with, the words of options, how it speaks.

Exit codes: 0 done (a spent budget is done), 2 a mistake in what was asked, 3 stopped early and
resumable, 130 Ctrl-C.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, NoReturn, ParamSpec

import typer

from langgraph_gepa.core.printable import escaped_json, visible
from langgraph_gepa.errors import Interrupted, PlaceholderError, UsageError
from langgraph_gepa.report.screen import Screen, note

P = ParamSpec("P")

app = typer.Typer(
    help="Better prompts for an existing LangGraph graph, by reflective evolution (GEPA).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Graph = Annotated[
    str, typer.Argument(help="path/to/file.py:attribute, package.module:attribute, or a name in ./langgraph.json")
]
Folder = Annotated[Path, typer.Argument(metavar="RUN", help="the run's folder")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Check = Annotated[bool, typer.Option("--check", help="Fail unless the source holds what the run started from.")]
Root = Annotated[
    Path | None,
    typer.Option(help="Root of the project's checkout, where it is not the one the run was made in.", file_okay=False),
]
Trust = Annotated[
    bool, typer.Option("--trust", help="Load the code that somebody else's run names, from the project you stand in.")
]
Loaded = Annotated[str | None, typer.Option("--graph", help="The graph of a run from Python or from somebody else.")]
Kinds = Annotated[str, typer.Option(help="Kinds of modules, separated by commas: prompt, tool, schema.")]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        "--modules",
        metavar="PATTERN",
        help="Only these modules: names and patterns such as 'writer*' or 'tool:*', separated by commas.",
    ),
]
Except = Annotated[
    list[str] | None, typer.Option("--except", metavar="PATTERN", help="Leave these modules out: names and patterns.")
]
Library = Annotated[bool, typer.Option("--library", help="Take in prompts that are written in installed packages.")]
Watched = Annotated[
    str | None, typer.Option(help="Examples to run the graph on, to see which texts reach a model. Calls its models.")
]
Data = Annotated[
    str, typer.Option(help="Examples: a .jsonl file with inputs, outputs, metadata a line, or langsmith:NAME.")
]
Metric = Annotated[str, typer.Option(help="The metric: path/to/file.py:function or package.module:function.")]
Rollouts = Annotated[int | None, typer.Option(min=1, help="Most runs of the graph the search may pay for.")]
Tokens = Annotated[int | None, typer.Option(min=1, help="Most tokens, of graph and reflection model together.")]
Dollars = Annotated[float | None, typer.Option(help="Most dollars, of graph and reflection model together.")]
Seconds = Annotated[float | None, typer.Option(help="Most seconds of running time.")]
Iterations = Annotated[int | None, typer.Option(min=1, help="Most iterations of the search.")]
Seed = Annotated[int, typer.Option(help="Seed of every random choice of ours.")]
RunOption = Annotated[Path | None, typer.Option("--run", help="Folder of the run; an unfinished one is resumed.")]
Options = Annotated[
    str | None,
    typer.Option(help="How rollouts are run, for tools' stand-ins and interrupts: path/to/file.py:options."),
]
Concurrency = Annotated[int, typer.Option(min=1, help="Rollouts at once.")]
InFlight = Annotated[int | None, typer.Option(min=1, help="Iterations under way at once; 1 is reproducible.")]


class _UnreadError(Exception):
    """Nobody reads what is printed any more, as when `head` has seen enough."""


class _Output(Screen):
    def on_broken_pipe(self) -> None:
        raise _UnreadError


def command(name: str | None = None) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Registers a command whose failures are a message and an exit code, never a traceback of ours."""

    def register(function: Callable[P, None]) -> Callable[P, None]:
        @functools.wraps(function)
        def explained(*args: P.args, **kwargs: P.kwargs) -> None:
            try:
                function(*args, **kwargs)
            except _UnreadError:
                _let_go()
            except (UsageError, PlaceholderError) as mistake:
                _stop(2, str(mistake))
            except Interrupted as stopped:
                _stop(3, str(stopped))
            except KeyboardInterrupt as stopped:
                _stop(130, str(stopped) or "Stopped by Ctrl-C.")

        return app.command(name)(explained)

    return register


def start(commands: Callable[[], None]) -> None:
    """Runs what was asked for, as a process of its own."""
    try:
        commands()
    except SystemExit as end:
        if end.code:
            from langgraph_gepa.runs.session import leave

            leave(int(end.code))
        raise


def screen() -> Screen:
    """Standard output, for what is laid out."""
    return _Output()


def echo(text: Any = "") -> None:
    """Prints a line for people to standard output, at once, with its control characters visible."""
    _write(f"{visible(str(text))}\n")


def emit(text: str) -> None:
    """Prints what a program may read to standard output: exact, unless a terminal would act on what is in it.

    Lone surrogates are the bytes they stand for, as `surrogateescape` makes them.
    """
    _write(visible(text) if sys.stdout.isatty() else text.encode("utf-8", "surrogateescape"))


def emit_json(value: Any) -> None:
    """The same for JSON, which on a terminal has escapes of its own in place of what acts."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    emit(f"{escaped_json(text) if sys.stdout.isatty() else text}\n")


def _write(text: str | bytes) -> None:
    if isinstance(text, str):
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        text = text.encode(encoding, "replace").decode(encoding)
    try:
        typer.echo(text, nl=False)
    except BrokenPipeError as closed:
        raise _UnreadError from closed


def tell(lines: Iterable[str]) -> None:
    """Prints to standard error."""
    for line in lines:
        note(line)


def loading(graph: str) -> None:
    """Says what takes the first seconds, to a person who waits."""
    console = Screen(stderr=True, soft_wrap=True)
    if console.is_terminal:
        console.print(f"Loading {graph} …", style="dim")


def words(text: str) -> tuple[str, ...]:
    """What commas separate."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def modules_of(only: list[str] | None, excluded: list[str] | None, everything: bool = False) -> list[str] | None:
    """The `modules` argument that options for a choice of modules come to."""
    names, others = ([word for one in given or () for word in words(one)] for given in (only, excluded))
    return [*(["*"] if everything else []), *names, *(f"!{name}" for name in others)] or None


def _stop(code: int, why: str) -> NoReturn:
    tell([why])
    raise typer.Exit(code)


def _let_go() -> None:
    """Python writes out what is left when it ends: not into the closed pipe, which would be an error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
