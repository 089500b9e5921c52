"""Side-by-side diffs of two texts: line by line and, inside lines that resemble each other, word by word."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby
from typing import Literal

_WORD = re.compile(r"\w+|\s+|[^\w\s]")
_ALIKE = 0.4
_MAX_CELLS = 40_000
_MAX_WORDS = 3_000


@dataclass(frozen=True, slots=True)
class Segment:
    text: str
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a text, its number counted from 1."""

    number: int
    segments: tuple[Segment, ...]

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments)


@dataclass(frozen=True, slots=True)
class Row:
    """Two lines side by side, one of them missing where it was removed or added.

    `skipped` counts the unchanged lines a folded row stands for; it has no lines of its own.
    """

    old: Line | None = None
    new: Line | None = None
    skipped: int = 0

    @property
    def kind(self) -> Literal["same", "changed", "removed", "added", "folded"]:
        if self.skipped:
            return "folded"
        if self.new is None:
            return "removed"
        if self.old is None:
            return "added"
        changed = any(segment.changed for line in (self.old, self.new) for segment in line.segments)
        return "changed" if changed else "same"


def diff(old: str, new: str) -> tuple[Row, ...]:
    """Compares two texts: rows that hold every line of both, in order."""
    before, after = old.split("\n"), new.split("\n")
    rows: list[Row] = []
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for tag, i, i_end, j, j_end in matcher.get_opcodes():
        if tag == "equal":
            rows += [Row(_whole(a, before), _whole(b, after)) for a, b in zip(range(i, i_end), range(j, j_end))]  # noqa: B905  equal by the opcode's meaning
        else:
            rows += _replaced(before, after, range(i, i_end), range(j, j_end))
    return tuple(rows)


def fold(rows: Sequence[Row], context: int = 2) -> tuple[Row, ...]:
    """Folds long stretches of unchanged rows, but for `context` rows next to a change."""
    near: set[int] = set()
    for index, row in enumerate(rows):
        if row.kind != "same":
            near.update(range(index - context, index + context + 1))
    folded: list[Row] = []
    for is_near, group in groupby(enumerate(rows), key=lambda item: item[0] in near):
        stretch = [row for _, row in group]
        folded += stretch if is_near or len(stretch) < 3 else [Row(skipped=len(stretch))]
    return tuple(folded)


def _whole(index: int, lines: Sequence[str], changed: bool = False) -> Line:
    return Line(index + 1, (Segment(lines[index], changed),) if lines[index] else ())


def _replaced(before: Sequence[str], after: Sequence[str], olds: range, news: range) -> list[Row]:
    rows: list[Row] = []
    i, j = olds.start, news.start
    for a, b in [*_pairs(before, after, olds, news), (olds.stop, news.stop)]:
        rows += [Row(old=_whole(index, before)) for index in range(i, a)]
        rows += [Row(new=_whole(index, after)) for index in range(j, b)]
        if a < olds.stop:
            one, two = _words(before[a], after[b])
            rows.append(Row(Line(a + 1, one), Line(b + 1, two)))
        i, j = a + 1, b + 1
    return rows


def _pairs(before: Sequence[str], after: Sequence[str], olds: range, news: range) -> list[tuple[int, int]]:
    """Pairs of lines to show side by side: of all pairings in order, the one with the highest sum of similarities."""
    if len(olds) * len(news) > _MAX_CELLS:
        return []
    bags = {(0, i): Counter(_WORD.findall(before[i].lower())) for i in olds}
    bags |= {(1, j): Counter(_WORD.findall(after[j].lower())) for j in news}
    best = [[0.0] * (len(news) + 1) for _ in range(len(olds) + 1)]
    alike: dict[tuple[int, int], float] = {}
    for i in reversed(olds):
        for j in reversed(news):
            a, b = i - olds.start, j - news.start
            alike[i, j] = _alike(bags[0, i], bags[1, j])
            paired = alike[i, j] + best[a + 1][b + 1] if alike[i, j] >= _ALIKE else 0.0
            best[a][b] = max(paired, best[a + 1][b], best[a][b + 1])
    pairs = []
    i, j = olds.start, news.start
    while i < olds.stop and j < news.stop:
        a, b = i - olds.start, j - news.start
        if best[a][b] == best[a + 1][b]:
            i += 1
        elif best[a][b] == best[a][b + 1]:
            j += 1
        else:
            pairs.append((i, j))
            i, j = i + 1, j + 1
    return pairs


def _alike(one: Counter[str], two: Counter[str]) -> float:
    """Dice's coefficient over words, spaces left out."""
    common = sum(count for word, count in (one & two).items() if not word.isspace())
    total = sum(count for bag in (one, two) for word, count in bag.items() if not word.isspace())
    return 2 * common / total if total else 0.0


def _words(old: str, new: str) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
    before, after = _WORD.findall(old), _WORD.findall(new)
    if len(before) + len(after) > _MAX_WORDS:
        return (Segment(old, True),), (Segment(new, True),)
    one: list[Segment] = []
    two: list[Segment] = []
    for tag, i, i_end, j, j_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        same = "".join(before[i:i_end])
        # A lone space or comma between two changes would only flicker.
        changed = tag != "equal" or (i > 0 and i_end < len(before) and not any(map(str.isalnum, same)))
        one.append(Segment(same, changed))
        two.append(Segment("".join(after[j:j_end]), changed))
    return _joined(one), _joined(two)


def _joined(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    filled = [segment for segment in segments if segment.text]
    groups = groupby(filled, key=lambda segment: segment.changed)
    return tuple(Segment("".join(s.text for s in group), changed) for changed, group in groups)
