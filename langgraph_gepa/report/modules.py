"""The modules of a graph, listed for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.text import Text

from langgraph_gepa.report.words import one_line
from langgraph_gepa.search.module import Module
from langgraph_gepa.visible import visible

FIELDS = ("name", "kind", "text", "placeholders", "nodes", "file", "line", "evidence")

_EVIDENCE_STYLE = {"seen": "green", "flows": "", "possible": "yellow"}


def modules_json(modules: Iterable[Module]) -> list[dict[str, Any]]:
    """What `prompts --json` prints."""
    return [module_json(module) for module in modules]


def module_json(module: Module) -> dict[str, Any]:
    """What programs rely on; `reason` and `note` only where there is something to say."""
    fields = asdict(module)
    said = {name: fields[name] for name in ("reason", "note") if fields[name]}
    return {**{name: fields[name] for name in FIELDS}, "on": module.on, **said}


def modules_table(modules: Sequence[Module], console: Console, everything: bool = False, watched: bool = False) -> None:
    """Prints the modules by node, then what cannot be replaced and why.

    Texts that only may reach a model are counted, and listed in grey with `everything`. `watched` says that the
    graph was run to find them.
    """
    bindable = sorted((module for module in modules if not module.reason), key=lambda module: module.nodes)
    unsure = [module for module in bindable if module.evidence == "possible"]
    if not everything:
        bindable = [module for module in bindable if module.evidence != "possible"]
    if not bindable:
        hint = "--examples FILE runs the graph and watches its model calls; "
        if watched:
            hint = "None reached a model while the graph was watched on the examples either; "
        marking = 'prompt("name", "text") in your code marks one.'
        console.print(f"No text was found that can be replaced. {hint}{marking}", soft_wrap=True, highlight=False)
    widths = [max((len(cell) for cell in column), default=0) for column in zip(*map(_cells, bindable), strict=True)]
    for nodes, group in groupby(bindable, key=lambda module: module.nodes):
        console.print(Text(visible(", ".join(nodes)) or "outside any node", style="bold"))
        for module in group:
            console.print(_line(module, widths), soft_wrap=True)
            if module.note:
                console.print(Text(f"    {visible(module.note)}", style="dim italic"), soft_wrap=True)
            console.print(Text(f"    {one_line(module.text, max(40, console.width - 6))}", style="dim"), soft_wrap=True)
    if bindable:
        on = sum(module.on for module in bindable)
        legend = "seen: a watched call carried it; flows: the code shows it reaches a model; possible: unsure"
        console.print(Text(f"\n● {on} of {len(modules)} optimised by default. {legend}.", style="dim"))
    if unsure and not everything:
        more = "1 more text" if len(unsure) == 1 else f"{len(unsure)} more texts"
        console.print(Text(f"{more} may reach a model: --all lists what the code does not show to.", style="dim"))
    stuck = [module for module in modules if module.reason]
    if stuck:
        console.print(Text("\nFound, but not replaceable", style="bold"))
    for module in stuck:
        where = f" ({visible(module.origin)})" if module.origin else ""
        console.print(Text.assemble("  ", (visible(module.name), "bold"), f"{where}: {visible(module.reason)}"))
        console.print(Text(f"    {one_line(module.text, max(40, console.width - 6))}", style="dim"), soft_wrap=True)


def _cells(module: Module) -> tuple[str, ...]:
    wrap = "{}" if module.style == "plain" else "{{{}}}"
    placeholders = " ".join(map(wrap.format, module.placeholders))
    size = f"{len(module.text):,} chars"
    cells = (module.name, module.kind, module.evidence, size, module.origin, placeholders)
    return tuple(visible(cell) for cell in cells)


def _line(module: Module, widths: Sequence[int]) -> Text:
    name, kind, evidence, size, origin, placeholders = (
        cell.ljust(width) for cell, width in zip(_cells(module), widths, strict=True)
    )
    grey = "dim" if module.evidence == "possible" else ""
    line = Text.assemble(("  ● ", "green") if module.on else ("  ○ ", "dim"), (name, "bold"), f"  {kind}  ", style=grey)
    line.append(evidence, _EVIDENCE_STYLE[module.evidence])
    line.append(f"  {size.strip().rjust(len(size))}  {origin}  {placeholders}".rstrip())
    return line
