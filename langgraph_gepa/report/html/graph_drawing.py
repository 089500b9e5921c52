"""Geometry of the graph's drawing: nodes in layers from top to bottom (after Sugiyama), edges between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from langgraph_gepa.report.view import ModuleView, View
from langgraph_gepa.report.words import one_line

_GAP_X, _GAP_Y, _MARGIN = 28.0, 54.0, 12.0
_HEAD, _LINE, _CHAR = 34.0, 20.0, 7.6
_LABELS = 4
_MOST = 500
"""Nodes up to which a graph is drawn."""
_ENDS = {"__start__": "start", "__end__": "end"}


@dataclass(frozen=True, slots=True)
class Box:
    """A node of the graph. `x` and `y` are its upper left corner; `more` counts modules left out."""

    name: str
    label: str
    x: float
    y: float
    width: float
    height: float
    modules: tuple[tuple[str, bool], ...]
    more: int
    end: bool

    @property
    def changed(self) -> bool:
        return any(changed for _, changed in self.modules)


@dataclass(frozen=True, slots=True)
class Arrow:
    start: str
    end: str
    path: str
    conditional: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """`not_drawn` are the optimised modules whose nodes are not in the drawing."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    not_drawn: tuple[ModuleView, ...]


def draw_graph(view: View) -> Drawing | None:
    """Draws the graph in the settings; `None` when there is none, or too much of it to be seen."""
    graph = view.settings.get("graph")
    if not isinstance(graph, Mapping) or not graph.get("nodes"):
        return None
    if len(graph["nodes"]) > _MOST or len(graph.get("edges", ())) > 4 * _MOST:
        return None
    names = [str(name) for name in graph["nodes"]]
    edges = [(str(a), str(b), bool(c)) for a, b, c in graph.get("edges", ()) if {str(a), str(b)} <= set(names)]
    homes = _homes(view.modules, names)
    layers = _layers(names, [(a, b) for a, b, _ in edges])
    boxes = _boxes(layers, homes, [(a, b) for a, b, _ in edges])
    right = max(box.x + box.width for box in boxes.values())
    arrows, lanes = _arrows(edges, boxes, layers, right)
    drawn = {module.module.name for modules in homes.values() for module in modules}
    return Drawing(
        right + _MARGIN + (16 * lanes + 4 if lanes else 0),
        max(box.y + box.height for box in boxes.values()) + _MARGIN,
        tuple(boxes.values()),
        tuple(arrows),
        tuple(module for module in view.modules if module.module.name not in drawn),
    )


def _homes(modules: Sequence[ModuleView], names: Sequence[str]) -> dict[str, list[ModuleView]]:
    """Modules by the drawn node that uses them: the node itself, or the subgraph around it."""
    paths = {name.replace(":", "/"): name for name in names}
    homes: dict[str, list[ModuleView]] = {}
    for module in modules:
        for node in module.module.nodes:
            parts = node.split("/")
            prefixes = ("/".join(parts[:end]) for end in range(len(parts), 0, -1))
            home = next((paths[prefix] for prefix in prefixes if prefix in paths), None)
            if home is not None and module not in homes.setdefault(home, []):
                homes[home].append(module)
    return homes


def _layers(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The layer of each node: the length of the longest path to it over edges that do not lead back."""
    forward = _forward(names, edges)
    layer = dict.fromkeys(names, 0)
    for _ in names:
        moved = False
        for a, b in forward:
            if layer[b] <= layer[a]:
                layer[b] = layer[a] + 1
                moved = True
        if not moved:
            break
    if "__end__" in layer:
        layer["__end__"] = max(
            layer["__end__"], 1 + max((n for name, n in layer.items() if name != "__end__"), default=-1)
        )
    return layer


def _forward(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The edges without those that close a cycle, in a depth-first walk from the first node."""
    after: dict[str, list[str]] = {name: [] for name in names}
    for a, b in edges:
        after[a].append(b)
    state: dict[str, int] = {}
    kept: list[tuple[str, str]] = []
    for root in sorted(names, key=lambda name: name != "__start__"):
        stack = [(root, iter(after[root]))] if root not in state else []
        state.setdefault(root, 1)
        while stack:
            name, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                state[name] = 2
                stack.pop()
            elif state.get(following) != 1:
                kept.append((name, following))
                if following not in state:
                    state[following] = 1
                    stack.append((following, iter(after[following])))
    return kept


def _boxes(
    layers: Mapping[str, int], homes: Mapping[str, Sequence[ModuleView]], edges: Sequence[tuple[str, str]]
) -> dict[str, Box]:
    order: dict[str, float] = {}
    rows: list[list[str]] = []
    for number in range(1 + max(layers.values())):
        row = [name for name, layer in layers.items() if layer == number]
        above = {name: [order[a] for a, b in edges if b == name and a in order] for name in row}
        row.sort(key=lambda name: sum(above[name]) / len(above[name]) if above[name] else 0.0)
        order |= {name: index - (len(row) - 1) / 2 for index, name in enumerate(row)}
        rows.append(row)
    sized = {name: _box(name, homes.get(name, ())) for name in layers}
    widths = [sum(sized[name].width for name in row) + _GAP_X * (len(row) - 1) for row in rows]
    boxes: dict[str, Box] = {}
    y = _MARGIN
    for row, width in zip(rows, widths, strict=True):
        x = _MARGIN + (max(widths) - width) / 2
        for name in row:
            boxes[name] = replace(sized[name], x=x, y=y)
            x += sized[name].width + _GAP_X
        y += max((sized[name].height for name in row), default=0.0) + _GAP_Y
    return boxes


def _box(name: str, modules: Sequence[ModuleView]) -> Box:
    """The box of a node with its size, at no place yet."""
    labels = tuple((one_line(module.module.name, 26), module.changed) for module in modules[:_LABELS])
    more = max(0, len(modules) - _LABELS)
    lines = len(labels) + (more > 0)
    width = max(84.0, 28 + _CHAR * max(map(len, (_label(name), *(f"● {label}" for label, _ in labels)))))
    height = _HEAD + _LINE * lines + (6 if lines else 0)
    return Box(name, _label(name), 0.0, 0.0, width, height, labels, more, _last(name) in _ENDS)


def _label(name: str) -> str:
    return _ENDS.get(_last(name)) or one_line(name, 28)


def _last(path: str) -> str:
    return path.replace(":", "/").rsplit("/", 1)[-1]


def _arrows(
    edges: Sequence[tuple[str, str, bool]], boxes: Mapping[str, Box], layers: Mapping[str, int], right: float
) -> tuple[list[Arrow], int]:
    """The arrows, and how many lanes run along the right side: one for each edge that leads back or far down."""
    arrows = []
    lanes = 0
    pairs = {(a, b) for a, b, _ in edges}
    for a, b, conditional in edges:
        start, end = boxes[a], boxes[b]
        span = layers[b] - layers[a]
        both = 12 if (b, a) in pairs and abs(span) == 1 else 0
        if span == 1 or (span > 1 and _free(start, end, boxes.values(), layers)):
            path = _down(start, end, -both)
        elif both:
            path = _up(start, end, both)
        else:
            lanes += 1
            path = _around(start, end, right + 16 * lanes + 4)
        arrows.append(Arrow(a, b, path, conditional))
    return arrows, lanes


def _free(start: Box, end: Box, boxes: Iterable[Box], layers: Mapping[str, int]) -> bool:
    """Whether no box stands between two boxes whose layers are not neighbours."""
    x, to_x = start.x + start.width / 2, end.x + end.width / 2
    low, high = min(x, to_x) - 12, max(x, to_x) + 12
    between = [box for box in boxes if layers[start.name] < layers[box.name] < layers[end.name]]
    return all(box.x + box.width < low or box.x > high for box in between)


def _down(start: Box, end: Box, shift: float) -> str:
    return _bent(start.x + start.width / 2 + shift, start.y + start.height, end.x + end.width / 2 + shift, end.y - 5)


def _up(start: Box, end: Box, shift: float) -> str:
    return _bent(start.x + start.width / 2 + shift, start.y, end.x + end.width / 2 + shift, end.y + end.height + 5)


def _bent(x: float, y: float, to_x: float, to_y: float) -> str:
    bend = (to_y - y) / 2
    return f"M{x:g} {y:g}C{x:g} {y + bend:g} {to_x:g} {to_y - bend:g} {to_x:g} {to_y:g}"


def _around(start: Box, end: Box, lane: float) -> str:
    """Leaves at the right side, runs along a lane, and enters at the right side."""
    shift = 4 if start.y >= end.y else -4
    x, y = start.x + start.width, start.y + min(17.0, start.height / 2) + shift
    to_x, to_y = end.x + end.width + 5, end.y + min(17.0, end.height / 2) + shift
    turn = 8 if to_y > y else -8
    return (
        f"M{x:g} {y:g}H{lane - 8:g}Q{lane:g} {y:g} {lane:g} {y + turn:g}"
        f"V{to_y - turn:g}Q{lane:g} {to_y:g} {lane - 8:g} {to_y:g}H{to_x:g}"
    )
