"""Geometry of the candidates' family tree: one column a generation, one row a line of descent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from langgraph_gepa.report.candidate_table import CandidateView
from langgraph_gepa.report.view import View

_ROW, _MARGIN_X, _MARGIN_Y = 46.0, 34.0, 30.0


@dataclass(frozen=True, slots=True)
class Node:
    """`shade` is 0 to 4: where the score stands between the lowest and the highest in the run."""

    x: float
    y: float
    shade: int
    candidate: CandidateView
    best: bool
    on_line: bool


@dataclass(frozen=True, slots=True)
class Edge:
    """From parent to child; `second` for the second parent of a merge."""

    path: str
    second: bool
    on_line: bool


@dataclass(frozen=True, slots=True)
class Tree:
    width: float
    height: float
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    of: int


def draw_tree(view: View, limit: int = 60) -> Tree | None:
    """Draws up to `limit` candidates: the best's ancestry, then the frontier and the highest scores, each with all of
    its ancestors; `None` before the first candidate is scored."""
    if not view.candidates:
        return None
    drawn = _chosen(view, limit)
    depth: dict[int, int] = {}
    for candidate in drawn:
        depth[candidate.id] = 1 + max((depth[parent] for parent in candidate.parents), default=-1)
    rows = _rows(drawn, _main_line(view))
    step = max(84.0, min(140.0, 1040.0 / (1 + max(depth.values()))))
    place = {id: (_MARGIN_X + step * depth[id], _MARGIN_Y + _ROW * rows[id]) for id in depth}
    scores = [candidate.score.value for candidate in view.candidates]
    low, high = min(scores), max(scores)
    nodes = tuple(
        Node(
            *place[candidate.id],
            int(4.999 * (candidate.score.value - low) / (high - low)) if high > low else 0,
            candidate,
            view.best is not None and candidate.id == view.best.id,
            candidate.id in view.line,
        )
        for candidate in drawn
    )
    edges = tuple(
        Edge(_elbow(place[parent], place[candidate.id], 36 if index else 46), index > 0, candidate.id in view.line)
        for candidate in drawn
        for index, parent in enumerate(candidate.parents)
    )
    return Tree(
        2 * _MARGIN_X + step * max(depth.values()) + 40,
        2 * _MARGIN_Y + _ROW * max(rows.values()) + 8,
        nodes,
        # Highlighted edges last, on top of the others.
        tuple(sorted(edges, key=lambda edge: edge.on_line)),
        len(view.candidates),
    )


def _chosen(view: View, limit: int) -> list[CandidateView]:
    kept = set(view.line)
    ranked = sorted(view.candidates, key=lambda c: (not c.frontier, -c.score.value, c.id))
    for candidate in ranked:
        missing = _ancestry(view.candidates, candidate.id) - kept
        if len(kept) + len(missing) <= limit:
            kept |= missing
    return [candidate for candidate in view.candidates if candidate.id in kept]


def _ancestry(candidates: Sequence[CandidateView], id: int) -> set[int]:
    found = {id}
    queue = [id]
    while queue:
        for parent in candidates[queue.pop()].parents:
            if parent not in found:
                found.add(parent)
                queue.append(parent)
    return found


def _main_line(view: View) -> set[int]:
    """The best and its first parents up to the seed."""
    line: set[int] = set()
    id = view.best.id if view.best else 0
    while id not in line:
        line.add(id)
        id = next(iter(view.candidates[id].parents), id)
    return line


def _rows(drawn: Sequence[CandidateView], line: AbstractSet[int]) -> Mapping[int, int]:
    """The row of each candidate: its first child, towards the best if there is one, stands in the same row, and every
    other child in a new row below. Merges count as children of their first parent."""
    children: dict[int, list[int]] = {}
    for candidate in drawn:
        for parent in candidate.parents[:1]:
            children.setdefault(parent, []).append(candidate.id)
    rows: dict[int, int] = {}
    used = 0
    stack = [(drawn[0].id, 0)]
    while stack:
        id, row = stack.pop()
        # An only or first child was pushed with its parent's row; the others take the next free one.
        rows[id] = row if row >= 0 else used
        used = max(used, rows[id] + 1)
        below = sorted(children.get(id, ()), key=lambda child: (child not in line, child))
        stack.extend((child, rows[id] if index == 0 else -1) for index, child in reversed(list(enumerate(below))))
    return rows


def _elbow(start: tuple[float, float], end: tuple[float, float], before: float) -> str:
    """A line along the parent's row, which turns to the child's row at the distance `before` from it."""
    (x, y), (to_x, to_y) = start, end
    if y == to_y:
        return f"M{x:g} {y:g}H{to_x:g}"
    turn, radius = to_x - before, 10 if to_y > y else -10
    return (
        f"M{x:g} {y:g}H{turn - 10:g}Q{turn:g} {y:g} {turn:g} {y + radius:g}"
        f"V{to_y - radius:g}Q{turn:g} {to_y:g} {turn + 10:g} {to_y:g}H{to_x:g}"
    )
