"""The command `eval`, also as a check in CI."""

from __future__ import annotations

import math
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import langgraph_gepa
from langgraph_gepa.cli import option
from langgraph_gepa.cli.console import (
    command,
    echo,
    emit_json,
    loading,
    modules_of,
    print_notes,
    split,
)
from langgraph_gepa.cli.graph_commands import optimize_command, runner_options
from langgraph_gepa.errors import UsageError

if TYPE_CHECKING:
    from langgraph_gepa.runs.evaluate import Evaluation

_ROUNDING = 1e-9
"""How far rounding may move a mean: ten scores of 0.7 are not below 0.7."""


@command("eval")
def evaluate(
    graph: option.Graph,
    data: option.Data,
    metric: option.Metric = None,
    prompts: Annotated[str | None, typer.Option(help="A run's folder or a prompts.json, to compare with.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Compare with all of --prompts. This is the default.")
    ] = False,
    only: option.Only = None,
    excluded: option.Except = None,
    library: option.Library = False,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each example, of which the mean counts.")] = 1,
    concurrency: option.Concurrency = 16,
    timeout: option.Timeout = None,
    options: option.Options = None,
    workers: option.Workers = None,
    own_project: option.OwnProject = True,
    fail_under: Annotated[
        float | None,
        typer.Option(help="End with exit code 1 where the mean score, with --prompts if given, is below this."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="A JSONL file for the score and the outputs of each example.")
    ] = None,
    as_json: option.AsJson = False,
) -> None:
    """Score a graph on examples, and with other prompts beside it, with 95 % intervals."""
    if fail_under is not None and not math.isfinite(fail_under):
        raise UsageError(f"--fail-under {fail_under} is not a score: give a number.")
    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        raise UsageError(
            f"{out} cannot be written: {'it is a folder' if out.is_dir() else 'its folder does not exist'}."
        )
    loading(graph)
    comparison = langgraph_gepa.evaluate(
        graph,
        data,
        metric=metric,
        prompts=prompts,
        modules=modules_of(only, excluded, everything),
        library=library,
        repeats=repeats,
        concurrency=concurrency,
        options=runner_options(options, timeout),
        workers=split(workers or ""),
        own_project=own_project,
    )
    if as_json:
        emit_json(comparison.to_json())
    else:
        echo(comparison)
        if fail_under is None:
            echo(f"\nNext: {_next_step(graph, prompts, comparison)}")
    if out is not None:
        _write(comparison.to_jsonl(), out)
    if fail_under is not None and comparison.score < fail_under - _ROUNDING:
        print_notes(
            [
                f"The mean score, {comparison.score:.6g}, is below --fail-under {fail_under:g}.",
                f"Next: {_next_step(graph, prompts, comparison)}",
            ]
        )
        raise typer.Exit(1)


def _next_step(graph: str, prompts: str | None, comparison: Evaluation) -> str:
    """The command to go on with: `diff` if the prompts are better, otherwise `report`; without prompts `optimize`."""
    if prompts is None:
        return optimize_command(graph)
    from langgraph_gepa.store.folder import DATABASE

    if not (Path(prompts) / DATABASE).exists():
        return f"load_prompts(graph, {prompts!r}) uses these prompts."
    better = comparison.difference is not None and comparison.difference.side > 0
    return f"langgraph-gepa {'diff' if better else 'report'} {shlex.quote(prompts)}"


def _write(text: str, out: Path) -> None:
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}.") from error
