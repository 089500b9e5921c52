"""The commands that read a run, finished or not, and bring what it found to its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

import langgraph_gepa
from langgraph_gepa.cli.console import (
    AsJson,
    Check,
    Folder,
    Loaded,
    Root,
    Trust,
    command,
    echo,
    emit,
    emit_json,
    screen,
    tell,
)
from langgraph_gepa.errors import UsageError


@command()
def show(run: Folder, as_json: AsJson = False) -> None:
    """Show what a run found, finished or not."""
    from langgraph_gepa.report.json_view import to_json
    from langgraph_gepa.report.outcome import print_summary

    result = langgraph_gepa.Result.open(run)
    if as_json:
        emit_json(to_json(result.view))
    else:
        print_summary(result.view, screen())


@command()
def report(run: Folder) -> None:
    """Write the run's page, report.html, and say where it is."""
    from langgraph_gepa.runs.result import PAGE

    result = langgraph_gepa.Result.open(run)
    try:
        emit(f"{result.report()}\n")
    except OSError as error:
        raise UsageError(f"{run / PAGE} cannot be written: {error.strerror}.") from error


@command()
def export(
    run: Folder,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A file; standard output when left out.")] = None,
) -> None:
    """Write the best prompts as JSON: module name to text."""
    from langgraph_gepa.report.html.page import write_whole

    prompts = dict(langgraph_gepa.Result.open(run).prompts)
    if out is None:
        emit_json(prompts)
        return
    text = json.dumps(prompts, indent=2, ensure_ascii=False) + "\n"
    try:
        if out.parent.resolve().is_relative_to(run.resolve()):
            write_whole(text, out)  # a file of the run's, which may be a stranger's and have links in it
        else:
            out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}.") from error
    emit(f"{out}\n")


@command()
def push(
    run: Folder,
    prompts: Annotated[
        str | None, typer.Option(metavar="PREFIX", help="Each changed prompt as PREFIX-MODULE of LangSmith's.")
    ] = None,
    experiments: Annotated[
        bool, typer.Option("--experiments", help="The graph as it was and the best one as experiments; runs nothing.")
    ] = False,
    dataset: Annotated[
        str | None, typer.Option(help="Data set for the experiments' examples that are in none.")
    ] = None,
) -> None:
    """Send what a run found to LangSmith, with the key in LANGSMITH_API_KEY."""
    if prompts is None and not experiments:
        raise UsageError("Say what to push: --prompts PREFIX, --experiments, or both.")
    result = langgraph_gepa.Result.open(run)
    if experiments:
        for name, url in result.log_experiments(dataset).items():
            echo(f"{name}: {url}")
    if prompts is not None:
        pushed = result.push_prompts(prompts)
        for module, url in pushed.items():
            echo(f"{module}: {url}")
        tell([] if pushed else ["No prompt to push: the search changed none."])


@command()
def diff(run: Folder, check: Check = False, root: Root = None) -> None:
    """Print the best prompts as a change of the source, as `git apply` takes it."""
    from langgraph_gepa.runs.apply import left_out, nothing, require_current
    from langgraph_gepa.runs.result import PROMPTS

    changes = langgraph_gepa.Result.open(run).planned(root)
    if check:
        require_current(changes)
    emit(changes.diff)
    tell([*left_out(changes, run / PROMPTS), *nothing(changes)])


@command("apply")
def apply_texts(
    run: Folder, check: Check = False, root: Root = None, graph: Loaded = None, trust: Trust = False
) -> None:
    """Write the best prompts into the source, proved by loading the graph again."""
    from langgraph_gepa.runs.apply import left_out, nothing, proved, require_current
    from langgraph_gepa.runs.result import PROMPTS

    result = langgraph_gepa.Result.open(run)
    if check:
        require_current(result.planned(root))
        return
    changes = result.apply(graph, root, trust=trust)
    for file in changes.files:
        echo(f"{file.name}: {', '.join(file.modules)}")
    left = left_out(changes, run / PROMPTS)
    if left and not changes.files:
        raise UsageError("\n".join(left))  # whoever asked for a change must not take it for made
    modules = {module.name: module for module in result.saved.asked.found}
    tell([*proved(changes, modules), *left, *nothing(changes)])
