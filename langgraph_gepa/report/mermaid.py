"""Writes a graph as a Mermaid flowchart, with the modules at their nodes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from langgraph_gepa.core.module import Module
from langgraph_gepa.core.printable import visible

_ENDS = ("__start__", "__end__")
_CODES = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "`": "#96;"}


def mermaid(drawing: Mapping[str, Any], modules: Iterable[Module]) -> str:
    """Writes the flowchart of `drawing` (`name`, `nodes` as paths, `edges` as `[from, to, conditional]`).

    A node lists its modules, ● for those that are optimised by default, ○ for others. A module whose node
    is not drawn, such as one of a graph that a function calls, stands at the node around it.
    """
    nodes = [str(node) for node in drawing["nodes"]]
    names = {node: f"n{i}" for i, node in enumerate(nodes)}
    here: dict[str, list[Module]] = defaultdict(list)
    for module in modules:
        for drawn in dict.fromkeys(_drawn(node, names) for node in module.nodes):
            here[drawn].append(module)
    lines = ["flowchart TD"]
    lines += _boxes(nodes, "", names, here, "  ")
    if here[""]:
        lines.append(f"  elsewhere{_label('not drawn', here[''])}")
    lines += [f"  {names[a]} {'-.->' if conditional else '-->'} {names[b]}" for a, b, conditional in drawing["edges"]]
    lines.append("  classDef on stroke-width:3px")
    if on := [names[node] for node in nodes if any(module.on for module in here[node])]:
        lines.append(f"  class {','.join(on)} on")
    return "\n".join(lines)


def _drawn(node: str, names: Mapping[str, str]) -> str:
    """The node itself, or the closest around it that is drawn; empty when there is none."""
    while node and node not in names:
        node = node.rpartition("/")[0]
    return node


def _boxes(
    nodes: Sequence[str], around: str, names: Mapping[str, str], here: Mapping[str, Sequence[Module]], indent: str
) -> Iterator[str]:
    """The nodes right below `around`, and a box for each graph among them."""
    depth = len(around)
    boxes: dict[str, list[str]] = defaultdict(list)
    for node in nodes:
        name, inside, _ = node[depth:].partition("/")
        if inside:
            boxes[name].append(node)
        elif node in _ENDS and not here.get(node):
            yield f"{indent}{names[node]}([{name.strip('_')}])"
        else:
            yield f"{indent}{names[node]}{_label(name.strip('_'), here.get(node, ()))}"
    for name, inner in boxes.items():
        yield f'{indent}subgraph {names[inner[0]]}_box["{_escaped(name)}"]'
        yield from _boxes(inner, f"{around}{name}/", names, here, indent + "  ")
        yield f"{indent}end"


def _label(name: str, modules: Sequence[Module]) -> str:
    lines = [name, *(f"{'●' if module.on else '○'} {module.name}" for module in modules)]
    return f'["{"<br/>".join(map(_escaped, lines))}"]'


def _escaped(text: str) -> str:
    return "".join(_CODES.get(character, character) for character in visible(text))
