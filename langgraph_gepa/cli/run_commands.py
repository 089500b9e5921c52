"""The commands on a run that exists: `show`, `report`, `export`, `push`, `diff`, `apply`, `stop` and `ui`."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

import langgraph_gepa
from langgraph_gepa.cli import option
from langgraph_gepa.cli.console import command, echo, emit, emit_json, print_notes, screen
from langgraph_gepa.errors import UsageError

if TYPE_CHECKING:
    from langgraph_gepa.core.module import Module
    from langgraph_gepa.runs.result import Result
    from langgraph_gepa.server.assistants import PushedAssistant
    from langgraph_gepa.writeback.changes import Changes


@command()
def stop(run: option.Folder) -> None:
    """Stop a run that is under way, as Ctrl-C in its own terminal does: what is paid for is kept, `resume` goes on."""
    from langgraph_gepa.store.stop_file import request_stop

    request_stop(run)
    echo(f"{run} stops when the rollouts under way have ended.")
    echo(f"Next: langgraph-gepa resume {shlex.quote(str(run))}, or the call that started it, goes on.")


@command()
def show(run: option.Folder, as_json: option.AsJson = False) -> None:
    """Show what a run found, finished or not."""
    from langgraph_gepa.report.json_view import to_json
    from langgraph_gepa.report.outcome import print_summary
    from langgraph_gepa.runs.next_step import next_step

    result = langgraph_gepa.Result.open(run)
    if as_json:
        emit_json(to_json(result.view))
    else:
        print_summary(result.view, screen(), next_step=next_step(result.saved, result.view))


@command()
def ui(
    run: Annotated[Path, typer.Argument(metavar="RUN|FOLDER", help="a run's folder, or a folder of runs")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; by default one that is free.")] = 0,
    host: Annotated[str | None, typer.Option(help="Another address to listen at than this machine's own.")] = None,
    browse: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Serve a run, or a folder of runs, as a live page that follows it while it is under way, with a stop button."""
    from langgraph_gepa.ui.page_server import LOOPBACK, is_loopback, served

    if not run.is_dir():
        raise UsageError(f"{run} is not a folder. Give the folder of a run, or a folder of runs.")
    host = host or LOOPBACK
    if not is_loopback(host):
        risk = "Anybody who can see its traffic can read the run's examples and prompts, and stop the run"
        print_notes(
            [f"The page is served at {host}, unencrypted. {risk}; an SSH tunnel to --port makes --host unnecessary."]
        )
    with served(run, host, port) as server:
        echo(f"{server.url}  (Ctrl-C ends it)")
        if browse:
            typer.launch(server.url)
        with suppress(KeyboardInterrupt):
            server.wait()


@command()
def report(run: option.Folder) -> None:
    """Write the run's page, report.html, and print its path."""
    from langgraph_gepa.runs.saved_run import PAGE

    result = langgraph_gepa.Result.open(run)
    try:
        emit(f"{result.report()}\n")
        print_notes(["Next: open it in a browser."])
    except OSError as error:
        raise UsageError(f"{run / PAGE} cannot be written: {error.strerror}.") from error


@command()
def export(
    run: option.Folder,
    candidate: option.Candidate = None,
    choose: option.Choose = None,
    within: option.Within = 0.0,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="A file; standard output when left out.")] = None,
) -> None:
    """Write the best prompts as JSON: module name to text."""
    from langgraph_gepa.report.html.page import write_whole

    prompts = dict(_chosen(run, candidate, choose, within).prompts)
    if out is None:
        emit_json(prompts)
        print_notes(["Next: put this into a file, and load_prompts(graph, FILE) gives a graph with these prompts."])
        return
    text = json.dumps(prompts, indent=2, ensure_ascii=False) + "\n"
    try:
        if out.parent.resolve().is_relative_to(run.resolve()):
            write_whole(text, out)  # the run's folder may be somebody else's and contain links
        else:
            out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}.") from error
    emit(f"{out}\n")
    print_notes([f"Next: load_prompts(graph, {str(out)!r}) gives a graph with these prompts."])


@command()
def push(
    run: option.Folder,
    prompts: Annotated[
        str | None, typer.Option(metavar="PREFIX", help="Each changed prompt as PREFIX-MODULE of LangSmith's.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Push to prompts of the hub that moved on since the run started.")
    ] = False,
    experiments: Annotated[
        bool, typer.Option("--experiments", help="The graph as it was and the best one as experiments; runs nothing.")
    ] = False,
    all_candidates: Annotated[
        bool, typer.Option("--all-candidates", help="Every candidate as an experiment, with --experiments or without.")
    ] = False,
    dataset: Annotated[
        str | None, typer.Option(help="Data set for the experiments' examples that are in none.")
    ] = None,
    assistant: Annotated[
        str | None,
        typer.Option(metavar="ID", help="A new version of this assistant of LangGraph Server, or of a graph's own."),
    ] = None,
    server: Annotated[
        str | None, typer.Option(metavar="URL", help="The assistant's server; the run's first where left out.")
    ] = None,
    as_default: Annotated[
        bool, typer.Option("--as-default", help="Make the assistant's new version the one in use.")
    ] = False,
) -> None:
    """Send what a run found to LangSmith or LangGraph Server, with the key in LANGSMITH_API_KEY.

    Without options: changed prompts that came from LangSmith's hub, back to where they came from.
    """
    result = langgraph_gepa.Result.open(run)
    experiments = experiments or all_candidates
    if prompts is None and not experiments and assistant is None:
        if not any(module.hub for module in result.saved.config.found):
            raise UsageError(
                "Say what to push: --prompts PREFIX, --experiments, --assistant ID, or several of them. "
                "(None of this run's prompts came from LangSmith's hub, to which they would go back.)"
            )
        _push_prompts(result, None, force=force)
    if assistant is not None:
        _show_assistant(result.push_assistant(assistant, server, as_default=as_default))
    if experiments:
        which: Literal["best", "all"] = "all" if all_candidates else "best"
        addresses = result.log_experiments(dataset, candidates=which)
        for name, url in addresses.items():
            echo(f"{name}: {url}")
        print_notes(["Next: open the address, which shows the experiments side by side."] if addresses else [])
    if prompts is not None:
        _push_prompts(result, prompts, force=force)


def _push_prompts(result: Result, prefix: str | None, *, force: bool) -> None:
    from langgraph_gepa.runs.publish import changed_modules

    pushed = result.push_prompts(prefix, force=force)
    for module, url in pushed.items():
        echo(f"{module}: {url}")
    left = [module.name for module in changed_modules(result.saved) if module.name not in pushed]
    if left:
        print_notes([f"Not pushed, as it did not come from LangSmith's hub: {', '.join(left)}."])
    elif not pushed:
        print_notes(["No prompt to push: the search changed none."])
    if pushed:
        print_notes(["Next: open the addresses, and let your graph pull these prompts."])


def _show_assistant(pushed: PushedAssistant) -> None:
    for module, field in pushed.fields.items():
        echo(f"{module}: the field {field} of assistant {pushed.assistant}, version {pushed.version}")
    notes = [f"Not pushed: {module}: {why}." for module, why in pushed.left_out.items()]
    notes += [f"The assistant has the new text of {module} already." for module in pushed.done]
    if not (pushed.fields or notes):
        notes.append("Nothing to push: the search changed no prompt.")
    if pushed.fields and not pushed.is_default:
        notes.append("The previous version stays in use. To put the new one in use, add --as-default.")
    elif pushed.fields:
        notes.append("Next: runs of this assistant use the new prompts from now on; its older versions stay.")
    if pushed.left_out and not (pushed.fields or pushed.done):
        raise UsageError("\n".join(notes))  # so that nobody believes the prompts were pushed
    print_notes(notes)


@command()
def diff(
    run: option.Folder,
    check: option.Check = False,
    root: option.Root = None,
    candidate: option.Candidate = None,
    choose: option.Choose = None,
    within: option.Within = 0.0,
) -> None:
    """Print the best prompts as a change of the source, as `git apply` takes it."""
    from langgraph_gepa.runs.apply import require_current

    result = _chosen(run, candidate, choose, within)
    changes = result.planned(root)
    if check:
        require_current(changes)
    emit(changes.diff)
    print_notes([*_left_out(changes, result), *_nothing_to_write(changes, result)])
    if changes.files and not changes.stale:  # with stale ones `apply` refuses
        print_notes([_how_to_apply(changes, result, root)])


@command("apply")
def apply_texts(
    run: option.Folder,
    check: option.Check = False,
    root: option.Root = None,
    graph: option.GraphToLoad = None,
    trust: option.Trust = False,
    candidate: option.Candidate = None,
    choose: option.Choose = None,
    within: option.Within = 0.0,
) -> None:
    """Write the best prompts into the source, proved by loading the graph again."""
    from langgraph_gepa.runs.apply import require_current

    result = _chosen(run, candidate, choose, within)
    if check:
        require_current(result.planned(root))
        return
    changes = result.apply(graph, root, trust=trust)
    for file in changes.files:
        echo(f"{file.name}: {', '.join(file.modules)}")
    left_out = _left_out(changes, result)
    if left_out and not changes.files:
        raise UsageError("\n".join(left_out))  # so that nobody believes the change was made
    print_notes([*_proved(changes, result.saved.config.found), *left_out, *_nothing_to_write(changes, result)])
    if changes.files:
        print_notes(["Next: run your own tests, and commit the change."])


def _how_to_apply(changes: Changes, result: Result, root: Path | None) -> str:
    """The command that writes the changes; the user names the graph where the run does not, or is somebody else's."""
    words = ["langgraph-gepa", "apply", str(result.run)]
    known = bool(result.saved.config.graph_spec) and result.saved.own
    if not known:
        files = [file.path for file in changes.files if file.path.suffix == ".py"]
        file = os.path.relpath(files[0], root or Path.cwd()) if len(files) == 1 else "path/to/FILE.py"
        words += ["--graph", f"{file}:ATTRIBUTE"]
    if root is not None:
        words += ["--root", str(root)]
    if result.saved.chosen is not None:
        words += ["--candidate", str(result.saved.chosen)]
    hint = "" if known else ", with --graph for the file and the name of your graph"
    return f"Next: {shlex.join(words)} writes this into the source{hint}."


def _chosen(run: Path, candidate: int | None, choose: str | None, within: float) -> Result:
    """Returns the run's result with the candidate that the options choose; with the best one where they choose none."""
    result = langgraph_gepa.Result.open(run)
    if candidate is None and choose is None:
        return result
    return result.choose(candidate, by=choose or "", within=within)


def _left_out(changes: Changes, result: Result) -> list[str]:
    """A line with the reason for each text that is not written, and how to use it all the same."""
    from langgraph_gepa.runs.saved_run import PROMPTS

    prompts, chosen = f'"{result.run / PROMPTS}"', result.saved.chosen
    if chosen is not None:  # the file has the best candidate's
        prompts = f'Result.open("{result.run}").choose({chosen}).prompts'
    offer = f"To use it without writing it: load_prompts(graph, {prompts})."
    return [*changes.left_out, offer] if changes.left_out else []


def _nothing_to_write(changes: Changes, result: Result) -> list[str]:
    """Why there is nothing to write, if nothing was left out either, and what to do next."""
    if changes.files or changes.refused or changes.stale:
        return []
    if not changes.done and result.prompts == result.pool.candidates[0].texts:
        look = f"langgraph-gepa report {shlex.quote(str(result.run))}"
        same = "Nothing to write: these prompts are those that the run started from."
        return [same, f"Next: {look} shows what was tried."]
    what = f"the new text of {', '.join(changes.done)}" if changes.done else "these prompts"
    done = f"Nothing to write: the source has {what} already."
    return [done, "Next: run your own tests, and commit the change if you have not."]


def _proved(changes: Changes, modules: Iterable[Module]) -> Iterator[str]:
    """What was proved about the changes that were written."""
    noted = {module.name for module in modules if module.note}
    loaded = [name for name in changes.modules if name not in noted]
    read = [name for name in changes.modules if name in noted]
    if loaded:
        yield f"Proved: the graph was loaded again and has the new text of {', '.join(loaded)}."
    if read:
        yield f"Read when the graph runs, so checked in its file alone: {', '.join(read)}."
