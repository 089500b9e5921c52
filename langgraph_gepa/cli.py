"""The command line. Every command is a thin shell over the package: it reads words and prints results.

A command imports what it needs when it is called: `--help` and a mistyped option are answered at
once, and who waits for a graph to be loaded has been told so. Exit codes are told in `console`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import langgraph_gepa
from langgraph_gepa.console import (
    AsJson,
    Check,
    Concurrency,
    Data,
    Dollars,
    Folder,
    Graph,
    InFlight,
    Iterations,
    Kinds,
    Loaded,
    Metric,
    Options,
    Rollouts,
    Root,
    RunOption,
    Seconds,
    Seed,
    Tokens,
    Watched,
    app,
    command,
    echo,
    echo_json,
    loading,
    screen,
    start,
    tell,
    words,
)
from langgraph_gepa.errors import UsageError
from langgraph_gepa.search.budget import Budget

if TYPE_CHECKING:
    from langgraph_gepa.result import Result


@command()
def prompts(
    graph: Graph,
    as_json: AsJson = False,
    kinds: Kinds = "prompt,tool",
    examples: Watched = None,
    everything: Annotated[bool, typer.Option("--all", help="Also list texts that only may reach a model.")] = False,
    as_graph: Annotated[bool, typer.Option("--graph", help="Draw the graph as Mermaid, its modules marked.")] = False,
) -> None:
    """List what would be optimised, where it lives, and how sure we are."""
    from langgraph_gepa.agent.drawing import drawing
    from langgraph_gepa.agent.loading import load_graph
    from langgraph_gepa.report.mermaid import mermaid
    from langgraph_gepa.report.modules import modules_json, modules_table

    loading(graph)
    modules = langgraph_gepa.discover(graph, examples, kinds=words(kinds))
    if as_json:
        echo_json(modules_json(modules))
    elif as_graph:
        echo(mermaid(drawing(load_graph(graph)), [m for m in modules if everything or m.evidence != "possible"]))
    else:
        modules_table(modules, screen(), everything)


@command()
def optimize(
    graph: Graph,
    train: Data,
    metric: Metric,
    reflection_lm: Annotated[str, typer.Option(help="The reflection model: provider:model, such as openai:gpt-5.")],
    val: Annotated[str | None, typer.Option(help="Validation examples; part of --train when left out.")] = None,
    test: Annotated[
        str | None, typer.Option(help="Held-out examples, run on the first and the best graph only.")
    ] = None,
    rollouts: Rollouts = None,
    tokens: Tokens = None,
    dollars: Dollars = None,
    seconds: Seconds = None,
    iterations: Iterations = None,
    run: RunOption = None,
    seed: Seed = 0,
    concurrency: Concurrency = 16,
    in_flight: InFlight = None,
    search: Annotated[str, typer.Option(help="Preset of the search: racing or gepa.")] = "racing",
    kinds: Kinds = "prompt",
    modules: Annotated[str | None, typer.Option(help="Only these modules, by name, separated by commas.")] = None,
    objective: Annotated[
        str, typer.Option(help="What the graph is for, in your words, for the reflection model.")
    ] = "",
    timeout: Annotated[float | None, typer.Option(min=0.1, help="Seconds a rollout may take.  [default: 300]")] = None,
    options: Options = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what a rollout does: runs one, unless a real tool may do harm.")
    ] = False,
) -> None:
    """Evolve the graph's prompts and keep everything in a run's folder."""
    if options and timeout:
        raise UsageError("Give the timeout in the options, RunnerOptions(timeout=...), or leave --options out.")
    how = options or langgraph_gepa.RunnerOptions(timeout=timeout or 300.0)
    loading(graph)
    if dry_run:
        echo(langgraph_gepa.dry_run(graph, train, metric=metric, options=how))
        return
    _show_result(
        langgraph_gepa.optimize(
            graph,
            train,
            val,
            testset=test,
            metric=metric,
            reflection_lm=reflection_lm,
            budget=Budget(rollouts=rollouts, tokens=tokens, dollars=dollars, seconds=seconds, iterations=iterations),
            run=run,
            seed=seed,
            concurrency=concurrency,
            in_flight=in_flight,
            search=search,
            kinds=words(kinds),
            modules=words(modules) if modules else None,
            objective=objective,
            options=how,
        )
    )


@command()
def resume(
    run: Folder,
    rollouts: Rollouts = None,
    tokens: Tokens = None,
    dollars: Dollars = None,
    seconds: Seconds = None,
    iterations: Iterations = None,
) -> None:
    """Go on with a stopped run; a limit given here replaces the run's."""
    from langgraph_gepa.config import with_limits
    from langgraph_gepa.saved import SavedRun

    limits = Budget(rollouts=rollouts, tokens=tokens, dollars=dollars, seconds=seconds, iterations=iterations)
    asked = SavedRun.open(run).asked
    if asked.demo:
        _demo(run, asked.seed, asked.in_flight, with_limits(asked.budget, limits), real=not asked.simulated)
    else:
        loading(asked.spec.get("graph", ""))
        _show_result(langgraph_gepa.resume(run, limits))


@command()
def show(run: Folder, as_json: AsJson = False) -> None:
    """Show what a run found, finished or not."""
    from langgraph_gepa.report.plain import to_json
    from langgraph_gepa.report.terminal import print_summary

    result = langgraph_gepa.Result.open(run)
    if as_json:
        echo_json(to_json(result.view))
    else:
        print_summary(result.view, screen())


@command()
def report(run: Folder) -> None:
    """Write the run's page, report.html, and say where it is."""
    from langgraph_gepa.result import PAGE

    result = langgraph_gepa.Result.open(run)
    try:
        echo(result.report())
    except OSError as error:
        raise UsageError(f"{run / PAGE} cannot be written: {error.strerror}.") from error


@command()
def export(
    run: Folder,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A file; standard output when left out.")] = None,
) -> None:
    """Write the best prompts as JSON: module name to text."""
    text = json.dumps(langgraph_gepa.Result.open(run).prompts, indent=2, ensure_ascii=False)
    if out is None:
        echo(text)
    else:
        try:
            out.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{out} cannot be written: {error.strerror}.") from error
        echo(out)


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
    from langgraph_gepa.applying import left_out, require_current
    from langgraph_gepa.result import PROMPTS

    changes = langgraph_gepa.Result.open(run).planned(root)
    if check:
        require_current(changes)
    echo(changes.diff.encode("utf-8", "surrogateescape"))
    tell(left_out(changes, run / PROMPTS))


@command("apply")
def apply_texts(run: Folder, check: Check = False, root: Root = None, graph: Loaded = None) -> None:
    """Write the best prompts into the source, proved by loading the graph again."""
    from langgraph_gepa.applying import left_out, require_current
    from langgraph_gepa.result import PROMPTS

    result = langgraph_gepa.Result.open(run)
    if check:
        require_current(result.planned(root))
        return
    changes = result.apply(graph, root)
    for file in changes.files:
        echo(f"{file.name}: {', '.join(file.modules)}")
    tell(left_out(changes, run / PROMPTS) or ([] if changes.files else ["Nothing to write."]))


@command("eval")
def evaluate(
    graph: Graph,
    data: Data,
    metric: Metric,
    prompts: Annotated[str | None, typer.Option(help="A run's folder or a prompts.json, to compare with.")] = None,
    concurrency: Concurrency = 16,
    options: Options = None,
    as_json: AsJson = False,
) -> None:
    """Score a graph on examples, and with other prompts beside it, with 95 % intervals."""
    loading(graph)
    comparison = langgraph_gepa.evaluate(
        graph, data, metric=metric, prompts=prompts, concurrency=concurrency, options=options
    )
    if as_json:
        echo_json(comparison.to_json())
    else:
        echo(str(comparison))


@command()
def demo(
    run: RunOption = None,
    seed: Seed = 0,
    rollouts: Rollouts = 600,
    in_flight: InFlight = 1,
    real: Annotated[bool, typer.Option("--real", help="Use the real OpenAI API; needs OPENAI_API_KEY.")] = False,
) -> None:
    """Optimise a support desk offline: a real graph, real tools, a simulated model. No key is needed."""
    _demo(run, seed, in_flight, Budget(rollouts=rollouts), real=real)


def _demo(run: Path | None, seed: int, in_flight: int | None, budget: Budget, real: bool = False) -> None:
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
        )
    _show_result(result)


def main() -> None:
    """The console script."""
    sys.path.insert(0, str(Path.cwd()))  # as `python -m` does, so that a graph can import its neighbours
    start(app)


def _show_result(result: Result) -> None:
    from langgraph_gepa.report.terminal import print_summary
    from langgraph_gepa.result import PAGE, PROMPTS

    files = {"report": result.run / PAGE, "prompts": result.run / PROMPTS}
    print_summary(result.view, screen(), {what: str(file) for what, file in files.items() if file.is_file()})
