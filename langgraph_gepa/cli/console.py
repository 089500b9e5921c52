"""The console of all commands: the app, its output and its exit codes.

Exit codes: 0 done (also with a spent budget), 1 a score below `eval --fail-under`, 2 a mistake in the command, 3
stopped early and resumable, 130 Ctrl-C.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Iterable
from itertools import chain, pairwise
from typing import Annotated, Any, NoReturn, ParamSpec

import typer
from typer.core import TyperCommand

import langgraph_gepa
from langgraph_gepa.core.printable import escaped_json, visible
from langgraph_gepa.errors import Interrupted, PlaceholderError, UsageError
from langgraph_gepa.report.screen import Screen, note

P = ParamSpec("P")

app = typer.Typer(
    help="Better prompts for an existing LangGraph graph, by reflective evolution (GEPA).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"langgraph-gepa {langgraph_gepa.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Holds the options that belong to no command."""


class _OutputClosedError(Exception):
    """The reader of the output is gone, such as a `head` that has read enough."""


_MAY_BE_EMPTY = frozenset({"--workers", "--track"})
"""`resume RUN --workers ''` brings a run's rollouts back from servers into this process; `--track ''` ends tracking."""


class _Output(Screen):
    def on_broken_pipe(self) -> None:
        raise _OutputClosedError


class _Command(TyperCommand):
    """Refuses an option with an empty value, such as that of an unset shell variable: as a path it would mean `.`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        words = chain.from_iterable(one.split("=", 1) if one.startswith("--") else [one] for one in args)
        for before, value in pairwise(words):
            if not value and before.startswith("-") and before not in _MAY_BE_EMPTY:
                raise typer.BadParameter(f"{before} is empty: give a value, or leave the option out.", ctx)
        return super().parse_args(ctx, args)


def command(name: str | None = None) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Registers a command whose failures are a message and an exit code, never a traceback."""

    def register(function: Callable[P, None]) -> Callable[P, None]:
        @functools.wraps(function)
        def explained(*args: P.args, **kwargs: P.kwargs) -> None:
            try:
                function(*args, **kwargs)
            except _OutputClosedError:
                _discard_output()
            except (UsageError, PlaceholderError) as mistake:
                _stop(2, str(mistake))
            except Interrupted as stopped:
                _stop(3, str(stopped))
            except KeyboardInterrupt as stopped:
                _stop(130, str(stopped) or "Stopped by Ctrl-C.")

        return app.command(name, cls=_Command)(explained)

    return register


def start(commands: Callable[[], None]) -> None:
    """Runs the command line as the process's only job."""
    try:
        commands()
    except SystemExit as end:
        if end.code:
            from langgraph_gepa.runs.event_loop import leave

            leave(int(end.code))
        raise


def screen() -> Screen:
    """Standard output, for tables and other layouts."""
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
    """Prints JSON; on a terminal with JSON's own escapes in place of control characters."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    emit(f"{escaped_json(text) if sys.stdout.isatty() else text}\n")


def _write(text: str | bytes) -> None:
    if isinstance(text, str):
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        text = text.encode(encoding, "replace").decode(encoding)
    try:
        typer.echo(text, nl=False)
    except BrokenPipeError as closed:
        raise _OutputClosedError from closed


def print_notes(lines: Iterable[str]) -> None:
    """Prints to standard error."""
    for line in lines:
        note(line)


def loading(what: str) -> None:
    """Prints to a terminal what is being loaded: call it before LangChain is imported, which itself takes seconds."""
    console = Screen(stderr=True, soft_wrap=True)
    if console.is_terminal:
        console.print(f"Loading {what.rpartition('@')[2]} …", style="dim")  # an address may have a password


def by_module(option: str, given: list[str] | None) -> dict[str, list[str]] | None:
    """Reads `MODULE=TEXT`, given any number of times; `None` where it was not given."""
    found: dict[str, list[str]] = {}
    for one in given or ():
        name, sign, text = one.partition("=")
        if not (name and sign):
            raise UsageError(
                f"{option} {one!r} does not name a module: write MODULE=TEXT, such as {option} 'router={one}'."
            )
        found.setdefault(name, []).append(text)
    return found or None


def goals(given: list[str] | None) -> dict[str, float | str] | None:
    """Reads `NAME=AIM`, given any number of times; an aim that is a number is a weight."""
    found: dict[str, float | str] = {}
    for one in given or ():
        name, sign, aim = one.rpartition("=")
        if not (name and sign):
            raise UsageError(f"--goal {one!r} has no aim: write NAME=min, NAME=max or NAME=WEIGHT.")
        if name in found:
            raise UsageError(f"--goal is given twice for {name}: leave one out.")
        try:
            found[name] = float(aim)
        except ValueError:
            found[name] = aim
    return found or None


def split(text: str) -> tuple[str, ...]:
    """Splits a list at its commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def modules_of(only: list[str] | None, excluded: list[str] | None, everything: bool = False) -> list[str] | None:
    """Makes the `modules` argument of the package's functions from the options that choose modules."""
    names, others = ([name for option in given or () for name in split(option)] for given in (only, excluded))
    return [*(["*"] if everything else []), *names, *(f"!{name}" for name in others)] or None


def _stop(code: int, why: str) -> NoReturn:
    print_notes([why])
    raise typer.Exit(code)


def _discard_output() -> None:
    """Sends the rest of the output nowhere: Python flushes it at exit, and the closed pipe would raise then."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
