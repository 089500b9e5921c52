"""The modules of a graph, listed for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from io import StringIO
from itertools import groupby
from typing import Any

from markupsafe import Markup
from rich.console import Console
from rich.text import Text

from langgraph_gepa.core.module import Evidence, Module, Off
from langgraph_gepa.core.printable import visible
from langgraph_gepa.report.screen import Screen
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
EVIDENCE: Mapping[Evidence, str] = {"seen": "watched", "flows": "in the code", "possible": "not certain"}
"""How it is known that a text reaches a model, for people."""
LEGEND = "“Watched”: a call to a model carried the text. “In the code”: the code passes it to a model"
_EVIDENCE_STYLE = {"seen": "green", "flows": "", "possible": "yellow"}
_LEFT = Markup('style="text-align:left"')


@dataclass(frozen=True, slots=True)
class Hints:
    """What to do next, in the words of the command line or of Python: to take in a text that is off, and to watch."""

    take_in: str
    watch: str


OPTIONS = Hints("--all lists them, --only NAME takes one in", "--examples FILE")
ARGUMENTS = Hints("modules=[NAME, ...] takes them in", "discover(graph, examples)")


class ModuleList(list[Module]):
    """The modules of a graph: a list that shows itself as a table, in a notebook and in Python's console.

    `watched` says that the graph was run to find them.
    """

    def __init__(self, modules: Iterable[Module], *, watched: bool = False) -> None:
        super().__init__(modules)
        self.watched = watched

    def __repr__(self) -> str:
        console = Screen(file=StringIO(), width=100, force_jupyter=False, force_terminal=False)
        with console.capture() as captured:
            modules_table(self, console, watched=self.watched, hints=ARGUMENTS)
        return captured.get().rstrip("\n")

    def _repr_html_(self) -> str:
        return modules_html(self, self.watched)


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


def modules_table(
    modules: Sequence[Module],
    console: Console,
    everything: bool = False,
    watched: bool = False,
    hints: Hints = OPTIONS,
) -> None:
    """Prints what is on by node, with the descriptions of tools and schemas there; the rest is counted by the reason
    why it is off. `everything` lists that too, at its nodes. `watched` says that the graph was run to find them.
    """
    stuck = [module for module in modules if module.reason]
    listed = [module for module in modules if not module.reason and (everything or not _folded(module))]
    met = {nodes: at for at, nodes in reversed(list(enumerate(module.nodes for module in listed)))}
    rows = list(_rows(sorted(listed, key=lambda module: met[module.nodes])))
    if not listed:
        console.print(_nothing(watched, hints), soft_wrap=True, highlight=False)
    _print_rows(rows, console)
    if listed:
        on = sum(module.on for module in modules)
        console.print(Text(f"\n● {on} of {len(modules)} are optimised. {LEGEND}.", style="dim"), soft_wrap=True)
    if not everything:
        _print_folded([module for module in modules if not module.reason and _folded(module)], console, hints)
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


def _print_folded(folded: Sequence[Module], console: Console, hints: Hints) -> None:
    if not folded:
        return
    title = f"\nOff: {plural(len(folded), 'text')} that may reach a model ({hints.take_in})"
    console.print(Text(title, style="dim"), soft_wrap=True)
    reasons = _by_reason(folded)
    width = max(map(len, reasons))
    for why, (count, names) in reasons.items():
        console.print(Text(f"  {count:>3}  {why.ljust(width)}  {names}", style="dim"), soft_wrap=True)


def _by_reason(folded: Sequence[Module]) -> dict[str, tuple[int, str]]:
    """How many texts are off for each reason, with the names of some."""
    found = {}
    for why in sorted({why_off(module) for module in folded}):
        mine = [module for module in folded if why_off(module) == why]
        names = list(dict.fromkeys(visible((module.table and f"{module.table}.*") or module.name) for module in mine))
        found[why] = len(mine), ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
    return found


def _nothing(watched: bool, hints: Hints) -> str:
    hint = f"{hints.watch} runs the graph and watches its model calls; "
    if watched:
        hint = "None reached a model while the graph was watched on the examples either; "
    return f'No text was found that can be replaced. {hint}prompt("name", "text") in your code marks one.'


def _cells(module: Module, count: int) -> tuple[str, ...]:
    wrap = "{{{}}}" if module.style in ("format", "fstring", "mustache", "jinja2") else "{}"
    placeholders = " ".join(map(wrap.format, module.placeholders))
    size = plural(len(module.text), "char") if count == 1 else f"{count:,} texts"
    name = module.name if count == 1 else f"{module.table}.*"
    cells = (name, module.kind, EVIDENCE[module.evidence], size, why_off(module), module.origin, placeholders)
    return tuple(visible(cell) for cell in cells)


def _line(module: Module, cells: Sequence[str], widths: Sequence[int]) -> Text:
    row = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    name, kind, evidence, size, why, origin, placeholders = row
    grey = "dim" if module.evidence == "possible" and not module.on else ""
    line = Text.assemble(("  ● ", "green") if module.on else ("  ○ ", "dim"), (name, "bold"), f"  {kind}  ", style=grey)
    line.append(evidence, _EVIDENCE_STYLE[module.evidence])
    line.append(f"  {size.strip().rjust(len(size))}  {why}  {origin}  {placeholders}".rstrip())
    return line


def modules_html(modules: Sequence[Module], watched: bool = False) -> str:
    """The same table in HTML, escaped, in the colours of the page that shows it."""
    folded = [module for module in modules if not module.reason and _folded(module)]
    headings = ("", "Module", "Node", "Kind", "Reaches a model", "Size", "Written at", "Text")
    rows = [_html_row(module, count) for module, count in _rows([m for m in modules if m not in folded])]
    if not rows:
        return str(Markup("<p>{}</p>").format(_nothing(watched, ARGUMENTS)))
    head = Markup("").join(Markup("<th {}>{}</th>").format(_LEFT, heading) for heading in headings)
    table = Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>").format(head, Markup("").join(rows))
    on = sum(module.on for module in modules)
    notes = [f"● {on} of {len(modules)} are optimised. {LEGEND}."]
    if folded:
        off = "; ".join(f"{count} {why} ({names})" for why, (count, names) in _by_reason(folded).items())
        notes.append(f"Off: {plural(len(folded), 'text')} that may reach a model ({ARGUMENTS.take_in}): {off}.")
    return str(table + Markup("").join(Markup("<p>{}</p>").format(note) for note in notes))


def _html_row(module: Module, count: int) -> Markup:
    name, kind, evidence, size, why, origin, _ = _cells(module, count)
    why = visible(str(module.reason)) if module.reason else why
    cells = ("●" if module.on else "○", name, visible(", ".join(module.nodes)), kind,
             evidence if module.on else f"{evidence}, {why}" if why else evidence, size, origin,
             one_line(module.text, 90))  # fmt: skip
    shown = Markup("").join(Markup("<td {}>{}</td>").format(_LEFT, cell) for cell in cells)
    return Markup("<tr>{}</tr>").format(shown)
