"""The modules of a graph, listed for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.text import Text

from langgraph_gepa.core.module import Module, Off
from langgraph_gepa.core.printable import visible
from langgraph_gepa.report.words import one_line, plural

FIELDS = ("name", "kind", "text", "placeholders", "nodes", "file", "line", "evidence")

WHY_OFF: Mapping[Off, str] = {
    Off.UNPROVEN: "no proven flow",
    Off.FILLING: "fills a placeholder",
    Off.TABLE: "table of values",
    Off.FRAME: "only frames data",
    Off.OUTPUT: "a program's output",
    Off.PROTOCOL: "compared with answers",
    Off.LIBRARY: "of a library",
    Off.ELSEWHERE: "to another service",
    Off.UNSENT: "never sent",
    Off.DATA: "varies like data",
}
_NAMED = 6
"""Names that are shown of those that are folded under one reason."""
_EVIDENCE_STYLE = {"seen": "green", "flows": "", "possible": "yellow"}


def modules_json(modules: Iterable[Module]) -> list[dict[str, Any]]:
    """What `prompts --json` prints."""
    return [module_json(module) for module in modules]


def module_json(module: Module) -> dict[str, Any]:
    """What programs rely on; `reason`, `note`, `off`, `table` and `hub` only where there is something to say."""
    fields = asdict(module)
    fields |= {"reason": str(module.reason or ""), "note": str(module.note or "")}
    more = {name: fields[name] for name in ("reason", "note", "off", "table", "hub") if fields[name]}
    return {**{name: fields[name] for name in FIELDS}, "on": module.on, **more}


def why_off(module: Module) -> str:
    """Why a module is off, in three words; empty for one that is on."""
    if module.on:
        return ""
    if module.chosen is False:
        return "left out here"
    if module.reason:
        return "cannot be replaced"
    if module.evidence == "possible":
        return WHY_OFF[module.off or Off.UNPROVEN]
    return {"tool": "a tool's description", "schema": "a schema's description"}.get(module.kind, "")


def modules_table(modules: Sequence[Module], console: Console, everything: bool = False, watched: bool = False) -> None:
    """Prints what is on by node, with the descriptions of tools and schemas there; the rest is counted by the reason
    why it is off. `everything` lists that too, at its nodes. `watched` says that the graph was run to find them.
    """
    stuck = [module for module in modules if module.reason]
    listed = [module for module in modules if not module.reason and (everything or not _folded(module))]
    met = {nodes: at for at, nodes in reversed(list(enumerate(module.nodes for module in listed)))}
    rows = list(_rows(sorted(listed, key=lambda module: met[module.nodes])))
    if not listed:
        _nothing(console, watched)
    _print_rows(rows, console)
    if listed:
        on = sum(module.on for module in modules)
        legend = "seen: a watched call carried it; flows: the code shows it reaches a model"
        console.print(Text(f"\n● {on} of {len(modules)} are optimised. {legend}.", style="dim"), soft_wrap=True)
    if not everything:
        _print_folded([module for module in modules if not module.reason and _folded(module)], console)
    if stuck:
        console.print(Text("\nFound, but not replaceable", style="bold"))
    for module in stuck:
        where = f" ({visible(module.origin)})" if module.origin else ""
        console.print(Text.assemble("  ", (visible(module.name), "bold"), f"{where}: {visible(str(module.reason))}"))
        console.print(Text(f"    {one_line(module.text, max(40, console.width - 6))}", style="dim"), soft_wrap=True)


def _folded(module: Module) -> bool:
    return module.evidence == "possible" and not module.on


def _rows(modules: Sequence[Module]) -> Iterator[tuple[Module, int]]:
    """Each module with how many texts its row stands for: the entries of a table that are off are one row."""
    met: set[str] = set()
    for module in modules:
        if module.on or not module.table:
            yield module, 1
        elif module.table not in met:
            met.add(module.table)
            yield module, sum(one.table == module.table and not one.on for one in modules)


def _print_rows(rows: Sequence[tuple[Module, int]], console: Console) -> None:
    cells = [_cells(module, count) for module, count in rows]
    widths = [max((len(cell) for cell in column), default=0) for column in zip(*cells, strict=True)]
    for nodes, group in groupby(zip(rows, cells, strict=True), key=lambda row: row[0][0].nodes):
        console.print(Text(visible(", ".join(nodes)) or "outside any node", style="bold"))
        for (module, _), row in group:
            console.print(_line(module, row, widths), soft_wrap=True)
            if module.note:
                console.print(Text(f"    {visible(str(module.note))}", style="dim italic"), soft_wrap=True)
            console.print(Text(f"    {one_line(module.text, max(40, console.width - 6))}", style="dim"), soft_wrap=True)


def _print_folded(folded: Sequence[Module], console: Console) -> None:
    if not folded:
        return
    title = f"\nOff: {plural(len(folded), 'text')} that may reach a model (--all lists them, --only NAME takes one in)"
    console.print(Text(title, style="dim"), soft_wrap=True)
    reasons = sorted({why_off(module) for module in folded})
    width = max(map(len, reasons))
    for why in reasons:
        mine = [module for module in folded if why_off(module) == why]
        names = list(dict.fromkeys(visible((module.table and f"{module.table}.*") or module.name) for module in mine))
        more = ", …" if len(names) > _NAMED else ""
        line = f"  {len(mine):>3}  {why.ljust(width)}  {', '.join(names[:_NAMED])}{more}"
        console.print(Text(line, style="dim"), soft_wrap=True)


def _nothing(console: Console, watched: bool) -> None:
    hint = "--examples FILE runs the graph and watches its model calls; "
    if watched:
        hint = "None reached a model while the graph was watched on the examples either; "
    marking = 'prompt("name", "text") in your code marks one.'
    console.print(f"No text was found that can be replaced. {hint}{marking}", soft_wrap=True, highlight=False)


def _cells(module: Module, count: int) -> tuple[str, ...]:
    wrap = "{{{}}}" if module.style in ("format", "fstring", "mustache", "jinja2") else "{}"
    placeholders = " ".join(map(wrap.format, module.placeholders))
    size = plural(len(module.text), "char") if count == 1 else f"{count:,} texts"
    name = module.name if count == 1 else f"{module.table}.*"
    cells = (name, module.kind, module.evidence, size, why_off(module), module.origin, placeholders)
    return tuple(visible(cell) for cell in cells)


def _line(module: Module, cells: Sequence[str], widths: Sequence[int]) -> Text:
    row = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    name, kind, evidence, size, why, origin, placeholders = row
    grey = "dim" if module.evidence == "possible" and not module.on else ""
    line = Text.assemble(("  ● ", "green") if module.on else ("  ○ ", "dim"), (name, "bold"), f"  {kind}  ", style=grey)
    line.append(evidence, _EVIDENCE_STYLE[module.evidence])
    line.append(f"  {size.strip().rjust(len(size))}  {why}  {origin}  {placeholders}".rstrip())
    return line
