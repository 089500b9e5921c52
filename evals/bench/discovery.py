"""Discovery, binding and writing back on public LangGraph projects, a row a graph.

    python evals/bench/discovery.py --projects DIR              every labelled graph
    python evals/bench/discovery.py --graph NAME -v             one graph, every miss explained
    python evals/bench/discovery.py --half tuned                only the half that may be looked at while tuning

DIR holds the projects' folders under the names of their labels; what is missing there is fetched with
git at the labelled commit. Published packages come from the environment of `--python`, which needs
this project's dependencies and `packages` of the labels. Each graph is loaded in a process of its own,
its models replaced by a simulated one on the loopback interface. None of the projects' code is kept.

What counts, in the order of the columns: the labelled texts that walking can meet; those discovered;
those on by default (of the project's own prompts); bound, that is a mark put into the text arrived in a call,
of those discovered whose text an unbound run sent (all are bound at once, then each alone whose mark did not
arrive); written into a copy of the source and found there again, of those at home in it; on but not arrived, of
all texts that are on by default, labelled or not: the unbound run sent the text, the bound one no mark; on but
not theirs: those without a label or with one that is no prompt of the project's own, but for what stands beside
the labels in place of a project's services; the labelled texts known after the graph was watched on its runs,
those that need a run too, and the same two of what is then on; milliseconds of processor time to discover for the
first time and again, and to bind (median).
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from strangers.labels import GraphLabels, Project, projects
from strangers.loopback import Json
from strangers.processes import answer_of, reach
from strangers.table import HEAD, explained, shown, totals

SECONDS = 600
HALVES = ("tuned", "held-out", "fresh", "fresh2", "fresh3", "fresh4", "fresh5")


def ask(python: str, project: Project, graph: GraphLabels, root: Path, what: str) -> Json:
    """What the probe says of one graph."""
    return answer_of([python, "-m", "strangers.probe", project.name, graph.name, str(root), what], root, SECONDS)


def round_trip(python: str, project: Project, graph: GraphLabels, root: Path) -> Json:
    """Writes marked texts into a copy of the project and loads it again: which came back, and which not and why."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / root.name
        shutil.copytree(root, copy, symlinks=True, ignore=shutil.ignore_patterns(".git", "__pycache__", "node_modules"))
        written = ask(python, project, graph, copy, "write")
        if "error" in written:
            return {"back": 0, "of": 0, "lost": {"writing": written["error"]}}
        again = ask(python, project, graph, copy, "read")
        texts = again.get("texts", {})
        lost = {name: "not as written" for name, text in written["expected"].items() if texts.get(name) != text}
        if "error" in again:
            lost = {"loading again": again["error"]}
        back = sum(texts.get(name) == text for name, text in written["expected"].items())
        return {
            "back": back,
            "of": len(written["expected"]) + len(written["refused"]),
            "lost": {**lost, **written["refused"]},
        }


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--projects", type=Path, default=Path(tempfile.gettempdir()) / "langgraph-strangers")
    asked.add_argument("--python", default=sys.executable, help="an interpreter with the labelled packages")
    asked.add_argument("--graph", help="only this graph")
    asked.add_argument("--half", choices=HALVES)
    asked.add_argument("--no-write", action="store_true", help="leave the round trip through the source out")
    asked.add_argument("--json", type=Path, help="also write the rows here")
    asked.add_argument("-v", "--verbose", action="store_true")
    given = asked.parse_args()
    rows: dict[str, list[Json]] = {half: [] for half in HALVES}
    unreached: list[str] = []
    print(HEAD, flush=True)
    for project in projects():
        graphs = [g for g in project.graphs if given.graph in (None, g.name)]
        if not graphs or given.half not in (None, project.half):
            continue
        root = reach(project, given.projects)
        if isinstance(root, str):
            unreached.append(f"{project.name}: {root}")
            continue
        for graph in graphs:
            row = ask(given.python, project, graph, root, "measure")
            if "error" not in row and project.repo and not given.no_write:
                row["written"] = round_trip(given.python, project, graph, root)
            rows.setdefault(project.half, []).append({"graph": graph.name, **row})
            print(shown(graph.name, row), flush=True)
            if given.verbose:
                print(*explained(row), sep="\n", flush=True)
    for half, several in rows.items():
        if several:
            print("\n" + totals(half, several))
    unreached += [
        f"{row['graph']}: {row['error'].splitlines()[0]}" for half in rows.values() for row in half if "error" in row
    ]
    if unreached:
        print("\nnot reached:", *unreached, sep="\n  ")
    if given.json is not None:
        given.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
