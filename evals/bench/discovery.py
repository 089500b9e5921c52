"""Discovery, binding and writing back on public LangGraph projects, a row a graph.

    python evals/bench/discovery.py --projects DIR              every labelled graph
    python evals/bench/discovery.py --graph NAME -v             one graph, every miss explained
    python evals/bench/discovery.py --half tuned                only the half that may be looked at while tuning

DIR holds the projects' folders under the names of their labels; what is missing there is fetched with
git at the labelled commit. Published packages come from the environment of `--python`, which needs
this project's dependencies and `packages` of the labels. Each graph is loaded in a process of its own,
its models replaced by a simulated one on the loopback interface. None of the projects' code is kept.

What counts, in the order of the columns: the labelled texts that walking can meet; those discovered;
those on by default (of prompts); bound, that is a mark put into the text arrived in a call, of those
discovered whose text an unbound run sent; written into a copy of the source and found there again,
of those at home in it; false: on by default and no labelled text; the labelled texts known after the graph
was watched on its runs, those that need a run too, and what is then on and no labelled text; milliseconds
of processor time to discover for the first time and again, and to bind (median).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strangers.labels import FOLDER, GraphLabels, Project, projects

Json = dict[str, Any]

HERE = Path(__file__).resolve().parent
SECONDS = 600
HALVES = ("tuned", "held-out", "fresh", "fresh2")


@dataclass(frozen=True, slots=True)
class Count:
    """`part` of `whole`."""

    part: int
    whole: int

    def __str__(self) -> str:
        return f"{self.part}/{self.whole}" if self.whole else "-"

    def __add__(self, other: Count) -> Count:
        return Count(self.part + other.part, self.whole + other.whole)

    @property
    def share(self) -> str:
        return f"{self.part / self.whole:.3f}" if self.whole else "-"


def reach(project: Project, folder: Path) -> Path | str:
    """The project's folder, fetched if need be; or why it cannot be had."""
    if not project.repo:
        return FOLDER
    root = folder / project.name
    if root.is_dir():
        return root
    root.mkdir(parents=True)
    for command in (
        ["git", "init", "-q"],
        ["git", "fetch", "-q", "--depth", "1", project.repo, project.commit],
        ["git", "checkout", "-q", "FETCH_HEAD"],
    ):
        done = subprocess.run(command, cwd=root, capture_output=True, text=True)
        if done.returncode:
            shutil.rmtree(root)
            return f"{' '.join(command[:2])} failed: {done.stderr.strip().splitlines()[-1][:160]}"
    return root


def ask(python: str, project: Project, graph: GraphLabels, root: Path, what: str) -> Json:
    """What the probe says of one graph, in a process of its own."""
    path = os.pathsep.join([str(HERE), str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")])
    command = [python, "-m", "strangers.probe", project.name, graph.name, str(root), what]
    try:
        done = subprocess.run(
            command, cwd=root, env={**os.environ, "PYTHONPATH": path}, capture_output=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return {"error": f"no answer in {SECONDS} s"}
    last = done.stdout.decode(errors="replace").rpartition("\x1e")[2]
    try:
        answer: Json = json.loads(last)
    except json.JSONDecodeError:
        return {
            "error": f"exit {done.returncode}: {done.stderr.decode(errors='replace').strip()[-300:] or last[-300:]}"
        }
    return answer


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


def counts(row: Json) -> dict[str, Count]:
    """The columns of one row."""
    walked = [label for label in row["labels"] if not label["optional"] and not label["needs_run"]]
    every = [label for label in row["labels"] if not label["optional"]]
    by_kind = {kind: [label for label in walked if label["kind"] == kind] for kind in ("prompt", "tool", "schema")}
    found = [label for label in every if label["found"] and label["reached"]]
    optional_on = sum(label["on"] for label in row["labels"] if label["optional"] and label["kind"] == "prompt")
    on = sum(label["on"] for label in by_kind["prompt"]) + optional_on
    written = row.get("written", {})
    watched = row.get("watched", {})
    known = [label for label in watched.get("labels", ()) if not label["optional"]]
    new = [label for label in known if "bound" in label]
    seen_on = sum(label["on"] for label in watched.get("labels", ()) if label["kind"] == "prompt")
    seen_on += len(watched.get("pieces", ()))
    return {
        "watched": Count(sum(label["found"] for label in known), len(known)),
        "watched_true": Count(seen_on, seen_on + len(watched.get("false", ()))),
        "watched_bound": Count(sum(label["bound"] for label in new), len(new)),
        **{kind: Count(sum(label["found"] for label in labels), len(labels)) for kind, labels in by_kind.items()},
        "on": Count(sum(label["on"] for label in by_kind["prompt"]), len(by_kind["prompt"])),
        "bound": Count(sum(label.get("bound", False) for label in found), len(found)),
        "written": Count(written.get("back", 0), written.get("of", 0)),
        "true": Count(on + len(row["pieces"]), on + len(row["pieces"]) + len(row["false"])),
        "home": Count(
            sum(not label["moved"] for label in every if label["found"]), sum(label["found"] for label in every)
        ),
    }


HEAD = (
    f"{'graph':28} {'prompts':>8} {'tools':>7} {'schemas':>8} {'on':>7} {'bound':>7} {'written':>8} "
    f"{'false':>6} {'watched':>8} {'false':>6} {'first':>7} {'again':>6} {'bind':>6}"
)


def shown(name: str, row: Json) -> str:
    """A row of the table."""
    if "error" in row:
        return f"{name:28} {row['error'].splitlines()[0][:110]}"
    c = counts(row)
    bind = f"{row['bind_ms']:.1f}" if row.get("bind_ms") is not None else "-"
    return (
        f"{name:28} {c['prompt']!s:>8} {c['tool']!s:>7} {c['schema']!s:>8} {c['on']!s:>7} {c['bound']!s:>7} "
        f"{c['written']!s:>8} {len(row['false']):>6} {c['watched']!s:>8} {len(row['watched'].get('false', ())):>6} "
        f"{row['discovery_ms']:>7.0f} {row['again_ms']:>6.0f} {bind:>6}"
    )


def totals(title: str, rows: Sequence[Json]) -> str:
    """The sums over several rows, as shares."""
    several = [counts(row) for row in rows if "error" not in row]
    if not several:
        return f"{title}: no graph could be measured"
    whole = {key: sum((c[key] for c in several), Count(0, 0)) for key in several[0]}
    walked = whole["prompt"] + whole["tool"] + whole["schema"]
    marked = sum(row["original_marked"] for row in rows if "error" not in row)
    changed = sum(row["steady"] and not row["original_same"] for row in rows if "error" not in row)
    restless = sum(not row["steady"] for row in rows if "error" not in row)
    prompt, tool, schema = whole["prompt"], whole["tool"], whole["schema"]
    on, true, bound, written, home = (whole[key] for key in ("on", "true", "bound", "written", "home"))
    return (
        f"{title}: {len(several)} graphs, {walked.whole} texts that walking can meet\n"
        f"  recall      prompts {prompt.share} ({prompt}), tools {tool.share} ({tool}), "
        f"schemas {schema.share} ({schema}), all {walked.share}\n"
        f"  on          {on.share} of the prompts ({on}); precision {true.share} ({true})\n"
        f"  bound       {bound.share} ({bound}) of what was found and reached a model\n"
        f"  written     {written.share} ({written}); at its true home {home.share} ({home})\n"
        f"  watching    recall {whole['watched'].share} ({whole['watched']}) of all labels, those that need a run too; "
        f"precision {whole['watched_true'].share} ({whole['watched_true']}); "
        f"bound {whole['watched_bound'].share} ({whole['watched_bound']}) of what only a run showed\n"
        f"  original    {marked} marked calls, {changed} graphs that behave otherwise afterwards; {restless} never "
        f"make the same calls twice, by themselves"
    )


def explained(row: Json) -> Iterable[str]:
    """One line for everything that is not as it should be."""
    if "error" in row:
        yield row.get("trace", row["error"])
        return
    for label in row["labels"]:
        spare = " (optional)" if label["optional"] else " (needs a run)" if label["needs_run"] else ""
        what, module = f"{label['kind']} {label['name']}{spare}", label["module"]
        if not label["found"]:
            yield f"  missed     {what}, {label['lives']}"
        elif not label["on"]:
            yield f"  greyed     {what}: {module['evidence']} {module['reason']}"
        if label.get("bind_error"):
            yield f"  unbound    {what}: {label['bind_error']}"
        elif label["found"] and label["reached"] and not label.get("bound"):
            yield f"  unbound    {what} as {module['module']}: the mark did not arrive {module['reason']}"
        if not label["reached"] and not label["optional"]:
            yield f"  not run    {what}"
        if label["moved"]:
            yield f"  other home {what}: {module['origin']}"
    for key, title in (("false", "false"), ("pieces", "piece"), ("greyed", "listed"), ("false_tools", "false tool")):
        for module in row[key]:
            why = f" = {module['double']}" if "double" in module else f" of {module['of']}" if "of" in module else ""
            yield f'  {title:10} {module["module"]} {module["origin"]} "{module["words"]}" {module["evidence"]}{why}'
    for name, why in row.get("written", {}).get("lost", {}).items():
        yield f"  not back   {name}: {why}"
    watched = row["watched"]
    if "error" in watched:
        yield f"  watching   {watched['error']}"
    for label in watched.get("labels", ()):
        if not label["found"] and not label["optional"]:
            yield f"  watched    {label['name']}: still missed"
        if label.get("bound") is False or label.get("bind_error"):
            yield f"  watched    {label['name']}: unbound {label.get('bind_error', '')}"
    for module in watched.get("false", ()):
        yield f'  watched    {module["module"]} {module["origin"]} "{module["words"]}": no label'
    for note in watched.get("notes", ()):
        yield f"  watched    {note}"
    if not row["original_same"]:
        yield "  the original's calls after binding are not those before it"
    if not row.get("otherwise_same", True):
        yield "  without the marks the bound graph's calls are not the original's"
    for note in row["notes"]:
        yield f"  note       {note}"


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
