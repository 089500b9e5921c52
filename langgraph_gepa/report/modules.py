"""The modules of a graph, listed for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from langgraph_gepa.report.words import one_line, visible
from langgraph_gepa.search.module import Module

_EVIDENCE_STYLE = {"seen": "green", "flows": "", "possible": "yellow"}


def modules_json(modules: Iterable[Module]) -> list[dict[str, Any]]:
    """What `prompts --json` prints."""
    return [module_json(module) for module in modules]


def module_json(module: Module) -> dict[str, Any]:
    return {
        "name": module.name,
        "kind": module.kind,
        "text": module.text,
        "placeholders": list(module.placeholders),
        "nodes": list(module.nodes),
        "file": module.file,
        "line": module.line,
        "evidence": module.evidence,
        "on": module.on,
    }


def modules_table(modules: Sequence[Module], console: Console) -> None:
    """Prints the modules by node, then what cannot be replaced and why."""
    bindable = [module for module in modules if not module.reason]
    if bindable:
        console.print(_table(sorted(bindable, key=lambda module: module.nodes)))
        on = sum(module.on for module in bindable)
        console.print(
            Text(f"{on} of {len(modules)} optimised by default (●). "
                 "seen: a watched call carried it; flows: the code shows it reaches a model; possible: unsure.",
                 style="dim")
        )  # fmt: skip
    else:
        console.print("No text was found that can be replaced.")
    stuck = [module for module in modules if module.reason]
    if stuck:
        console.print(Text("\nSeen, but not replaceable", style="bold"))
        for module in stuck:
            where = f" ({visible(module.origin)})" if module.origin else ""
            console.print(Text.assemble("  ", (visible(module.name), "bold"), f"{where}: {visible(module.reason)}"))
            console.print(Text(f"    {one_line(module.text, 100)}", style="dim"))


def _table(modules: Iterable[Module]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("", width=1)
    table.add_column("node", overflow="fold")
    table.add_column("module", overflow="fold")
    table.add_column("kind")
    table.add_column("evidence")
    table.add_column("text", ratio=1, min_width=20)
    table.add_column("chars", justify="right")
    table.add_column("placeholders", overflow="fold")
    table.add_column("written at", overflow="fold")
    shown: tuple[str, ...] | None = None
    for module in modules:
        table.add_row(
            Text("●", style="green") if module.on else Text("○", style="dim"),
            Text("" if module.nodes == shown else visible(", ".join(module.nodes))),
            Text(visible(module.name), style="bold"),
            module.kind,
            Text(module.evidence, style=_EVIDENCE_STYLE[module.evidence]),
            Text(one_line(module.text, 60), style="dim"),
            f"{len(module.text):,}",
            Text(visible(", ".join(module.placeholders))),
            Text(visible(module.origin)),
        )
        shown = module.nodes
    return table
