"""The commands that run a graph: `prompts`, `optimize`, `resume` and `demo`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

import langgraph_gepa
from langgraph_gepa.cli import option
from langgraph_gepa.cli.console import (
    by_module,
    command,
    echo,
    emit,
    emit_json,
    goals,
    loading,
    modules_of,
    screen,
    split,
)
from langgraph_gepa.cli.dry_run_option import rehearse
from langgraph_gepa.core.budget import Budget, Limit
from langgraph_gepa.errors import GraphError, UsageError
from langgraph_gepa.reflection.prompt import TOKENS

if TYPE_CHECKING:
    from langgraph_gepa.runs.result import Result


@command()
def prompts(
    graph: option.Graph,
    as_json: option.AsJson = False,
    kinds: option.Kinds = None,
    examples: option.Watch = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also list each text that is off because it only may reach a model.")
    ] = False,
    only: option.Only = None,
    excluded: option.Except = None,
    library: option.Library = False,
    options: option.Options = None,
    as_graph: Annotated[bool, typer.Option("--graph", help="Draw the graph as Mermaid, its modules marked.")] = False,
) -> None:
    """List what would be optimised, node by node, and why the rest would not."""
    loading(graph)
    from langgraph_gepa.adapter.discovery.outline import outline_of
    from langgraph_gepa.adapter.loading import load_graph
    from langgraph_gepa.report.mermaid import mermaid
    from langgraph_gepa.report.module_list import modules_json, modules_table

    modules = langgraph_gepa.discover(
        graph,
        examples,
        kinds=None if kinds is None else split(kinds),
        modules=modules_of(only, excluded),
        library=library,
        options=options,
    )
    if as_json:
        emit_json(modules_json(modules))
    elif as_graph:
        listed = [module for module in modules if everything or module.on or module.evidence != "possible"]
        emit(f"{mermaid(outline_of(load_graph(graph)), listed)}\n")
    else:
        modules_table(modules, screen(), everything, watched=examples is not None)
        if any(module.on for module in modules):
            echo(f"\nNext: {optimize_command(graph, kinds)}")
        elif modules:
            echo("\nNext: the same command with --only NAME takes one of these in; `optimize` has that option as well.")


@command()
def optimize(
    graph: option.Graph,
    train: option.Data,
    metric: option.Metric = None,
    reflection_lm: option.ReflectionModel = None,
    proposer: option.Proposer = None,
    critic_lm: option.CriticModel = None,
    val: option.Validation = None,
    test: option.Test = None,
    rollouts: option.Rollouts = None,
    tokens: option.Tokens = None,
    dollars: option.Dollars = None,
    seconds: option.Seconds = None,
    iterations: option.Iterations = None,
    reflections: option.Reflections = None,
    target: option.Target = None,
    patience: option.Patience = None,
    gain: option.Gain = None,
    run: option.Run = None,
    seed: option.Seed = 0,
    concurrency: option.Concurrency = 16,
    in_flight: option.InFlight = None,
    search: option.Search = "racing",
    repeats: option.Repeats = "auto",
    records: option.Records = None,
    perfect: option.Perfect = None,
    failure_score: option.FailureScore = None,
    goal: option.Goals = None,
    start: option.Start = None,
    kinds: option.Kinds = "prompt",
    everything: option.EveryModule = False,
    only: option.Only = None,
    excluded: option.Except = None,
    library: option.Library = False,
    objective: option.Objective = "",
    reflection_prompt: option.ReflectionPrompt = None,
    note: option.Note = None,
    frozen: option.Frozen = None,
    reflection_tokens: option.ReflectionTokens = TOKENS,
    timeout: option.Timeout = None,
    options: option.Options = None,
    workers: option.Workers = None,
    track: option.Track = None,
    own_project: option.OwnProject = True,
    experiments: option.Experiments = None,
    dry_run: option.DryRun = False,
    ui: option.Ui = False,
) -> None:
    """Evolve the graph's prompts and keep everything in a run's folder."""
    given: dict[str, Any] = locals()
    loading(graph)
    subject = _subject(given)
    if dry_run:
        rehearse(graph, train, val, subject, _settings(given))
    else:
        _show_result(langgraph_gepa.optimize(graph, train, val, **subject, **_settings(given)))


_SETTINGS = (
    "reflection_lm", "proposer", "critic_lm", "run", "seed", "concurrency", "in_flight", "search", "repeats", "records",
    "perfect", "failure_score", "start", "objective", "reflection_prompt", "reflection_tokens",
    "own_project", "ui",
)  # fmt: skip
"""The options of `optimize` that are passed on as they are."""


def _subject(given: dict[str, Any]) -> dict[str, Any]:
    """The arguments that `optimize` and the dry run share: what is optimised, and how it is run."""
    return {
        "metric": given["metric"],
        "kinds": split(given["kinds"]),
        "modules": modules_of(given["only"], given["excluded"], given["everything"]),
        "library": given["library"],
        "options": runner_options(given["options"], given["timeout"]) or langgraph_gepa.RunnerOptions(),
    }


def runner_options(named: str | None, timeout: float | None) -> langgraph_gepa.RunnerOptions | str | None:
    """Returns the runner options that `--options` or `--timeout` give, `None` without either."""
    if named and timeout:
        raise UsageError("Give the timeout in the options, RunnerOptions(timeout=...), or leave --options out.")
    return langgraph_gepa.RunnerOptions(timeout=timeout) if timeout else named


def _settings(given: dict[str, Any]) -> dict[str, Any]:
    """The other arguments of `optimize`."""
    repeats = given["repeats"]
    notes = by_module("--note", given["note"])
    return {
        "testset": given["test"],
        "budget": _budget(given),
        "workers": split(given["workers"] or ""),
        "track": given["track"] or (),
        "experiments": given["experiments"] or "none",
        "notes": notes and {name: "\n".join(texts) for name, texts in notes.items()},
        "frozen": by_module("--frozen", given["frozen"]),
        "objectives": goals(given["goal"]),
        **{name: given[name] for name in _SETTINGS},
        "repeats": int(repeats) if repeats.isdecimal() else repeats,
    }


def _budget(options: dict[str, Any]) -> Budget:
    return Budget(**{limit: options[limit] for limit in get_args(Limit)})


def optimize_command(graph: str, kinds: str | None = None) -> str:
    """A command that optimises `graph`, without the password in its address. The user fills in what is in capitals."""
    from langgraph_gepa.adapter.rollout.credentials import hide_credentials
    from langgraph_gepa.server.workers import on_server

    metric = "" if on_server(graph) else " --metric FILE.py:FUNCTION"
    chosen = "" if kinds is None else f" --kinds {shlex.quote(','.join(split(kinds)))}"
    options = f"--train FILE.jsonl{metric}{chosen} --reflection-lm PROVIDER:MODEL --rollouts 500"
    return f"langgraph-gepa optimize {shlex.quote(hide_credentials(graph))} {options}"


@command()
def resume(
    run: option.Folder,
    rollouts: option.Rollouts = None,
    tokens: option.Tokens = None,
    dollars: option.Dollars = None,
    seconds: option.Seconds = None,
    iterations: option.Iterations = None,
    reflections: option.Reflections = None,
    target: option.Target = None,
    patience: option.Patience = None,
    gain: option.Gain = None,
    workers: option.Workers = None,
    track: option.Track = None,
    experiments: option.Experiments = None,
    trust: option.Trust = False,
    ui: option.Ui = False,
) -> None:
    """Go on with a stopped run; limits, servers, trackers and experiments given here replace the run's."""
    limits = _budget(locals())
    loading(str(run))
    from langgraph_gepa.runs.arguments import with_limits
    from langgraph_gepa.runs.saved_run import SavedRun

    saved = SavedRun.open(run)
    config = saved.config
    trackers = config.track if track is None else tuple(filter(None, track))
    if config.demo:
        if not (config.simulated or saved.own or trust):
            raise UsageError(
                "Somebody else started this run, and it would use the OpenAI API with your key. Go on with it by "
                f"`langgraph-gepa demo --real --run {run}`."
            )
        if workers:
            raise UsageError("The demo runs its rollouts in its own process: leave --workers out.")
        budget = with_limits(config.budget, limits)
        _demo(run, config.seed, config.in_flight, budget, not config.simulated, ui, trackers)
    else:
        servers = None if workers is None else split(workers)
        how = {"workers": servers, "track": trackers, "experiments": experiments, "trust": trust, "ui": ui}
        _show_result(_resumed(run, limits, Path(config.checkout.folder), how))


def _resumed(run: Path, limits: Budget, started: Path, how: Mapping[str, Any]) -> Result:
    try:
        return langgraph_gepa.resume(run, limits, **how)
    except GraphError as error:
        if started in (Path(), Path.cwd()):
            raise
        raise GraphError(
            f"{str(error).rstrip('.')}. The run was started in {started}: resume it from there."
        ) from error


@command()
def demo(
    run: option.Run = None,
    seed: option.Seed = 0,
    rollouts: option.Rollouts = 600,
    in_flight: option.InFlight = 1,
    real: Annotated[bool, typer.Option("--real", help="Use the real OpenAI API; needs OPENAI_API_KEY.")] = False,
    ui: option.Ui = False,
) -> None:
    """Optimise a support desk offline: a real graph, real tools, a simulated model. No key is needed."""
    loading("the demo")
    _demo(run, seed, in_flight, Budget(rollouts=rollouts), real, ui)


def _demo(
    run: Path | None,
    seed: int,
    in_flight: int | None,
    budget: Budget,
    real: bool,
    ui: bool,
    track: Sequence[str] = (),
) -> None:
    from langgraph_gepa.demo.stage import helpdesk_demo

    with helpdesk_demo(seed=seed, real=real) as desk:
        result = langgraph_gepa.optimize(
            desk.graph,
            desk.trainset,
            desk.valset,
            testset=desk.testset,
            metric=desk.metric,
            reflection_lm=desk.reflection_lm,
            budget=budget,
            run=run,
            seed=seed,
            in_flight=in_flight,
            options=langgraph_gepa.RunnerOptions(harmless=desk.tools),
            track=track,
            ui=ui,
        )
    _show_result(result)


def _show_result(result: Result) -> None:
    from langgraph_gepa.report.outcome import print_summary
    from langgraph_gepa.runs.next_step import next_step
    from langgraph_gepa.runs.saved_run import PAGE, PROMPTS

    files = {"report": result.run / PAGE, "prompts": result.run / PROMPTS}
    written = {what: str(file) for what, file in files.items() if file.is_file()}
    print_summary(result.view, screen(), written, next_step(result.saved, result.view))
