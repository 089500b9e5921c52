"""The whole job on public LangGraph projects: an `optimize` of 60 rollouts for each labelled graph.

    python evals/bench/whole_job.py --projects DIR --python PYTHON      every labelled graph
    python evals/bench/whole_job.py --graph NAME                        one graph
    python evals/bench/whole_job.py --half fresh                        one list of `labels/split.toml`

DIR, PYTHON and the labels are as for `discovery.py`. Each graph runs in a process of its own, its models replaced by
one simulated on the loopback interface, which follows the script of the labelled run and ends each sentence with the
words that the request it was really sent asks for. The metric reads the graph's final state alone: the share of four
such words in it, and which one is missing. The reflection model is simulated too: it writes the missing word into the
text it was shown, and loses a placeholder in every third reply (`strangers/teachable.py`). Examples are the labelled
runs with other words in their inputs, 12 to learn from and 6 to compare by. Where no prompt is on, the descriptions of
tools are optimised, or what libraries write. A human who is asked answers as the labelled run says, else by ignoring.

`improved`: the best graph scores more than the graph as it is, and so does the graph that the result gives back when
it is called by itself, outside of any rollout. `cannot`: the graph scores no more even if the model says all words
unasked, as no text of the model's is in its final state. Calls are those that the server answered, and those that a
rollout has with their node. Blind are reflections on modules whose text no call of a rollout carried and no request
to the server held; written are the best candidate's new texts that can be written into the source.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import statistics
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from strangers.arrival import words_of
from strangers.labels import GraphLabels, Project, projects
from strangers.loopback import Json, script_of
from strangers.opening import adapter_of, inputs_of, opened
from strangers.processes import answer_of, reach
from strangers.rehearsal import options_for, reworded
from strangers.running import run_once
from strangers.standins import install
from strangers.teachable import Obedient, Reflector, metric

from langgraph_gepa import Budget, Result, discover, optimize
from langgraph_gepa.core.events import ReflectionFinished, RolloutFinished, RunFinished

CHOICES: tuple[Json, ...] = ({}, {"kinds": ("prompt", "tool")}, {"kinds": ("prompt", "tool"), "library": True})
"""What is optimised: what is on by default, or where nothing is, more and more."""
SECONDS = 1800
ROLLOUTS = 60
LEARN_FROM = 12
VARIED = ("today", "please", "in short", "at last", "for once", "as well", "again", "at home", "indeed", "by the way",
          "in spring", "in summer", "in autumn", "in winter", "by day", "by night", "by ship", "by train")  # fmt: skip
IGNORED = [[{"type": "ignore", "args": ""}]]
"""A human's answer in the protocol of LangChain's Agent Inbox."""


def optimized(project: Project, graph: GraphLabels, root: Path, server: Obedient) -> Json:
    """The row of one graph."""
    adapter = adapter_of(project)
    loaded = opened(project, graph, root, adapter)
    examples = []
    for place, words in enumerate(VARIED):
        run = place % len(graph.runs)
        inputs = reworded(inputs_of(graph.runs[run], adapter), words)
        examples.append({"id": f"{place}", "inputs": inputs, "metadata": {"run": run}})
    choice = next((one for one in CHOICES if _chosen(loaded, one)), CHOICES[-1])
    options = asyncio.run(options_for(graph.runs, adapter, server, IGNORED))
    server.unasked = True
    row: Json = {"choice": choice, "ceiling": called(loaded, graph, adapter, server)}
    server.unasked = False
    alone = called(loaded, graph, adapter, server)
    server.forget()
    started, at_work = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        result = optimize(
            loaded, examples[:LEARN_FROM], examples[LEARN_FROM:], metric=metric, reflection_lm=Reflector(),
            budget=Budget(rollouts=ROLLOUTS), run=Path(folder) / "run", options=options, concurrency=1, in_flight=1,
            progress=False, **choice,
        )  # fmt: skip
        row |= {"seconds": time.perf_counter() - started, "processor": time.process_time() - at_work}
        row |= account(result, server)
    row["given_back"] = [alone, called(result.graph, graph, adapter, server)]
    return row | {"outcome": outcome(row)}


def _chosen(loaded: Any, choice: Json) -> bool:
    """Whether anything would be optimised."""
    kinds = choice.get("kinds", ("prompt",))
    found = discover(loaded, kinds=kinds, library=choice.get("library", False))
    return any(one.on or (one.kind == "tool" and not one.off and not one.reason) for one in found)


def called(which: Any, graph: GraphLabels, adapter: ModuleType | None, server: Obedient) -> float:
    """The mean score of a graph that is called by itself on the labelled runs; a run that fails scores 0."""
    scores = []
    for run in graph.runs:
        server.start(script_of(run))
        try:
            scores.append(metric(asyncio.run(run_once(which, run, adapter))).score)
        except Exception:  # noqa: BLE001 - whatever a stranger's graph raises; the rollouts say what
            scores.append(0.0)
    return statistics.mean(scores)


def account(result: Result, server: Obedient) -> Json:
    """What the run's journal says, and the server."""
    pool, seed = result.pool, result.pool.candidates[0]
    traced, untraced, errors, credited, uncredited = 0, 0, Counter[str](), set[str](), list[str]()
    with result.saved.rollouts() as rollout_of:
        for _, event in result.saved.events:
            if isinstance(event, RolloutFinished) and not event.reused:
                rollout = rollout_of(event.ledger)
                calls = [call for call in rollout.calls if call.kind == "model"] if rollout else []
                traced += sum(bool(call.node) for call in calls)
                untraced += sum(not call.node for call in calls)
                credited |= {name for call in calls for name in call.modules}
                errors[event.error or ""] += 1
            elif isinstance(event, ReflectionFinished) and event.module not in credited:
                uncredited.append(event.module)
    unsent = {module.name for module in result.saved.config.found if not server.has_sent(words_of(module))} - credited
    changed = [name for name, text in result.prompts.items() if text != seed.texts[name]]
    changes = result.changes
    return {
        "scores": [pool.mean(seed), pool.mean(result.best)],
        "modules": len(seed.texts),
        "left_out": dict(pool.left_out),
        "ended": [event.ended for _, event in result.saved.events if isinstance(event, RunFinished)],
        "rollouts": pool.spent.rollouts,
        "candidates": len(pool.candidates),
        "reflections": pool.spent.reflections,
        "answered": server.answered,
        "uncredited": uncredited,
        "blind": [name for name in uncredited if name in unsent],
        "traced": traced,
        "untraced": untraced,
        "errors": {error: count for error, count in errors.items() if error},
        "changed": changed,
        "changed_unseen": [name for name in changed if name in unsent],
        "written": [name for name in changed if name in changes.modules],
        "refused": {name: why for name, why in {**changes.refused, **changes.stale}.items() if name in changed},
    }


def outcome(row: Json) -> str:
    before, after = row["scores"]
    alone, given_back = row["given_back"]
    if after > before:
        return "improved" if given_back > alone else "not given back"
    return "unchanged" if row["ceiling"] > alone else "cannot"


HEAD = (
    f"{'graph':28} {'outcome':>14} {'score':>12} {'ceiling':>7} {'modules':>7} {'rollouts':>8} {'failed':>6} "
    f"{'tried':>5} {'calls':>6} {'traced':>6} {'reflections':>11} {'blind':>5} {'written':>7} {'s':>6} {'cpu s':>6}"
)


def shown(name: str, row: Json) -> str:
    """A row of the table."""
    if "error" in row:
        return f"{name:28} {'failed':>14} {row['error'].splitlines()[0][:150]}"
    before, after = row["scores"]
    return (
        f"{name:28} {row['outcome']:>14} {f'{before:.2f} to {after:.2f}':>12} {row['ceiling']:>7.2f} "
        f"{row['modules']:>7} {row['rollouts']:>8} {sum(row['errors'].values()):>6} {row['candidates'] - 1:>5} "
        f"{row['answered']:>6} {row['traced']:>6} {row['reflections']:>11} {len(row['blind']):>5} "
        f"{len(row['written'])}/{len(row['changed']):<5} {row['seconds']:>6.1f} {row['processor']:>6.1f}"
    )


def totals(rows: Sequence[Json]) -> str:
    """The sums over all rows."""
    done = [row for row in rows if "error" not in row]
    outcomes = Counter(row.get("outcome", "failed") for row in rows)

    def whole(name: str) -> int:
        return sum(row[name] if isinstance(row[name], int) else len(row[name]) for row in done)

    return (
        f"{len(rows)} graphs: {', '.join(f'{count} {outcome}' for outcome, count in outcomes.most_common())}\n"
        f"  {whole('answered'):,} model calls, {whole('traced'):,} traced to their node\n"
        f"  {whole('reflections'):,} reflections, {whole('blind')} on modules that no call carried; "
        f"{whole('changed_unseen')} of {whole('changed')} texts of the best candidates carried by none\n"
        f"  {whole('rollouts'):,} rollouts, {sum(sum(row['errors'].values()) for row in done)} failed; "
        f"{whole('written')} of {whole('changed')} changed texts can be written into the source\n"
        f"  {sum(row['seconds'] for row in done):.0f} s, {sum(row['processor'] for row in done):.0f} of the processor"
    )


def explained(row: Json) -> Sequence[str]:
    """One line for everything that a reader may want to look into."""
    lines = [f"ended: {', '.join(map(str, row.get('ended', ())))}"]
    lines += [f"{count} rollouts: {error}" for error, count in row.get("errors", {}).items()]
    lines += [f"left out: {name}, {why}" for name, why in row.get("left_out", {}).items()]
    lines += [f"no prompt is on by default, so: {row['choice']}"] if row.get("choice") else []
    for title in ("blind", "uncredited"):
        lines += [f"{title}: {name}, {count} times" for name, count in Counter(row.get(title, ())).items()]
    lines += [f"changed, but carried by no call: {name}" for name in row.get("changed_unseen", ())]
    lines += [f"not written: {name}, {why}" for name, why in row.get("refused", {}).items()]
    if row.get("answered", 0) != row.get("traced", 0):
        lines.append(f"{row['answered']} calls, {row['traced']} traced, {row['untraced']} seen outside any node")
    return [f"  {line[:400]}" for line in [*lines, *row.get("trace", "").splitlines()[-12:]]]


def in_process(name: str, which: str, folder: str) -> None:
    """Prints the row of one graph as JSON, behind a record separator."""
    logging.basicConfig(level=logging.ERROR)
    project = next(p for p in projects() if p.name == name)
    graph = next(g for g in project.graphs if g.name == which)
    root = Path(folder).resolve()
    os.chdir(root)
    server = Obedient()
    out = os.dup(1)
    os.dup2(2, 1)  # strangers print
    try:
        install(server.url, project.standins)
        row = optimized(project, graph, root, server)
    except Exception as failed:  # noqa: BLE001 - the row says why
        row = {"error": f"{type(failed).__name__}: {failed}", "trace": traceback.format_exc()}
    os.write(out, b"\x1e" + json.dumps(row).encode())


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--projects", type=Path, default=Path(tempfile.gettempdir()) / "langgraph-strangers")
    asked.add_argument("--python", default=sys.executable, help="an interpreter with the labelled packages")
    asked.add_argument("--graph", help="only this graph")
    asked.add_argument("--half", action="append", help="only these lists of split.toml; may be given more than once")
    asked.add_argument("--json", type=Path, help="also write the rows here")
    asked.add_argument("-v", "--verbose", action="store_true")
    asked.add_argument("--in-process", nargs=3, metavar=("PROJECT", "GRAPH", "ROOT"), help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.in_process:
        return in_process(*given.in_process)
    rows: list[Json] = []
    print(HEAD, flush=True)
    for project in projects():
        graphs = [g for g in project.graphs if given.graph in (None, g.name)]
        if not graphs or project.half not in (given.half or [project.half]):
            continue
        root = reach(project, given.projects)
        for graph in graphs:
            command = [given.python, __file__, "--in-process", project.name, graph.name, str(root)]
            row = {"error": root} if isinstance(root, str) else answer_of(command, root, SECONDS)
            rows.append({"graph": graph.name, "half": project.half, **row})
            print(shown(graph.name, row), flush=True)
            if given.verbose:
                print(*explained(row), sep="\n", flush=True)
            if given.json is not None:
                given.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print("\n" + totals(rows))
    return None


if __name__ == "__main__":
    main()
