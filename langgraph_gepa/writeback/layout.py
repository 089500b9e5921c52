"""Lays out a new text as Python literals in place of the old one: on one line, in triple quotes, or in pieces."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from langgraph_gepa.writeback.python_reader import SourceFile, chain_of
from langgraph_gepa.writeback.source_text import Chain, Fragments, Piece
from langgraph_gepa.writeback.spelling import Speller, opens_on_next_line, spelling


@dataclass(frozen=True, slots=True)
class Room:
    """The code `before` and `after` a text on its lines, and the length that lines are limited to."""

    before: str
    after: str
    limit: int

    @property
    def indent(self) -> str:
        return self.before[: len(self.before) - len(self.before.lstrip())]

    @property
    def bracketed(self) -> bool:
        """Whether brackets around the text alone open and close on its lines."""
        return self.before.endswith(("(", "[")) and self.after.startswith((")", "]"))

    def holds(self, code: str) -> bool:
        return "\n" not in code and len(self.before.expandtabs()) + len(code) + len(self.after) <= self.limit


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes texts into one file."""

    file: SourceFile
    speller: Speller
    limit: int

    def written(self, text: Fragments, chain: Chain, *, open_line: bool | None = None) -> str | None:
        """The new code of a chain: the best layout that evaluates to exactly `text`; `None` when none does.

        `open_line` says whether a triple-quoted text starts on the line after the quotes, by default as it did before.
        """
        closed = self.speller.stand_ins.encoded(text)
        if self.speller.stand_ins.encoded(chain.fragments) == closed:
            return self.file.code(chain.start, chain.end)
        candidates = self._candidates(closed, chain, open_line)
        return next((code for code in candidates if chain_of(code) == text), None)

    def _candidates(self, text: str, chain: Chain, open_line: bool | None) -> Iterator[str]:
        operands = self.speller.stand_ins.operands
        if chain.plus and any(char in operands for char in text + self._encoded(chain.pieces)):
            yield from self._run_by_run(text, chain)
        elif len(chain.pieces) == 1:
            yield from self._single(text, chain.pieces[0], open_line)
        else:
            yield from self._several(text, chain)
        yield self._joined(text, chain.pieces)
        yield self.speller.block(text, _like(chain.pieces), {})

    def _single(self, text: str, piece: Piece, open_line: bool | None) -> Iterator[str]:
        code = self.file.code(piece.start, piece.end)
        room = self._room(piece.start, piece.end)
        line = self.speller.line(text, piece)
        lines = "\n" in text.rstrip("\n")
        if not piece.triple and self._alone(piece) and (lines or not room.holds(line)):
            yield f"\n{room.indent}".join(self._wrapped(text, room.indent, piece))
        if piece.triple:
            same = not piece.raw and self.speller.has_expressions(text) == ("f" in piece.prefix.lower())
            known = spelling(code, piece, self.speller.stand_ins) if same else {}
            opened = opens_on_next_line(code, piece) if open_line is None else open_line
            yield self.speller.block(text, piece, known, open_line=opened)
            yield self.speller.block(text, piece, {}, open_line=opened)
        elif lines:
            if "\n" in self._encoded([piece]).rstrip("\n") and room.holds(line):
                yield line
            yield self.speller.block(text, piece, {}, open_line=bool(open_line))
        elif room.holds(line) or not room.holds(code):
            yield line
        else:
            wrapped = self._wrapped(text, room.indent, piece)
            yield self._bracketed(wrapped, room, "") if len(wrapped) > 1 else line

    def _alone(self, piece: Piece) -> bool:
        """Whether a literal is alone in brackets, on lines of its own."""
        before, after = self.file.data[: piece.start], self.file.data[piece.end :]
        left, right = before[len(before.rstrip()) :], after[: len(after) - len(after.lstrip())]
        return before.rstrip().endswith(b"(") and after.lstrip().startswith(b")") and b"\n" in left and b"\n" in right

    def _several(self, text: str, chain: Chain) -> Iterator[str]:
        """A chain of literals; the pieces that the text still contains stay as they are."""
        room = self._room(chain.start, chain.end)
        gaps = self._gaps(chain)
        like = _like(chain.pieces)
        if gaps is None or not any("\n" in gap for gap in gaps):
            line = self.speller.line(text, like)
            if like.triple:
                yield self.speller.block(text, like, {})
            elif room.holds(line):
                yield line
            joiner = "+ " if chain.plus else ""
            yield self._bracketed(self._wrapped(text, room.indent, like), room, joiner)
            return
        gap = next(gap for gap in gaps if "\n" in gap)
        trailing = gap.split("#")[0].rstrip(" \t\r\n")  # a `+` at the line's end
        yield self._kept(text, chain.pieces, gaps, trailing + gap[gap.rindex("\n") :])

    def _kept(self, text: str, pieces: Sequence[Piece], gaps: Sequence[str], default: str) -> str:
        """Old pieces where the text still contains them, new ones between; `default` is the gap around new pieces."""
        indent = default[default.rindex("\n") + 1 :]
        like = _like(pieces)
        written: list[str] = []
        for part, index in _aligned(text, [self._encoded([piece]) for piece in pieces]):
            if index is not None:
                gap = gaps[index] if index < len(gaps) else default
                written += [self.file.code(pieces[index].start, pieces[index].end), gap if "\n" in gap else default]
            else:
                for line in self._wrapped(part, indent, like):
                    written += [line, default]
        return "".join(written[:-1]) if written else self.speller.line("", like)

    def _run_by_run(self, text: str, chain: Chain) -> Iterator[str]:
        """A chain with operands that are not literals: each run of literals between them is rewritten on its own."""
        parts = self._parts(text)
        runs = list(_runs(chain.pieces))
        operands = [part if part and part in self.speller.stand_ins.operands else None for part in parts]
        if operands == [self._encoded(run) if run[0].operand else None for run in runs]:
            code, position = "", chain.start
            for part, operand, run in zip(parts, operands, runs, strict=True):
                inner = Chain(run[0].start, run[-1].end, tuple(run), plus=len(run) > 1)
                new = self.written(self.speller.stand_ins.decoded(part), inner) if operand is None else None
                code += self.file.code(position, inner.start) + (new or self.file.code(inner.start, inner.end))
                position = inner.end
            yield code + self.file.code(position, chain.end)
        line = self._joined(text, chain.pieces)
        room = self._room(chain.start, chain.end)
        if room.holds(line):
            yield line
        else:
            like = _like(chain.pieces)
            yield self._bracketed(
                [literal for part in parts for literal in self._part(part, room.indent, like)], room, "+ "
            )

    def _part(self, part: str, indent: str, like: Piece) -> list[str]:
        if part and part in self.speller.stand_ins.operands:
            return [self.speller.stand_ins.expressions[part].code]
        if "\n" in part.rstrip("\n"):
            return [self.speller.block(part, like, {})]
        return self._wrapped(part, indent, like)

    def _joined(self, text: str, pieces: Sequence[Piece]) -> str:
        """Everything on one line."""
        like = _like(pieces)
        of, operands = self.speller.stand_ins.expressions, self.speller.stand_ins.operands
        return " + ".join(of[p].code if p and p in operands else self.speller.line(p, like) for p in self._parts(text))

    def _parts(self, text: str) -> list[str]:
        """The text split at each operand, with at least one literal, so that the sum is a text."""
        operands = self.speller.stand_ins.operands
        parts = [part for part in re.split(f"([{re.escape(operands)}])", text) if part] if operands else [text]
        return parts if any(part not in operands for part in parts) else ["", *parts]

    def _bracketed(self, literals: Sequence[str], room: Room, joiner: str) -> str:
        inner = room.indent + ("\t" if room.indent.startswith("\t") else "    ")
        lines = f"\n{inner}{joiner}".join(literals)
        return f"\n{inner}{lines}\n{room.indent}" if room.bracketed else f"(\n{inner}{lines}\n{room.indent})"

    def _wrapped(self, text: str, indent: str, like: Piece) -> list[str]:
        """The text as literals that end after line breaks and, where lines are too long, after spaces."""
        width = self.limit - len(indent.expandtabs()) - len(self.speller.line("", like)) - 1
        chunks: list[str] = []
        for line in re.findall(r"[^\n]*\n|[^\n]+", text):
            chunk = ""
            for word in re.findall(r"[^ ]+ *| +", line):
                if chunk and len(self.speller.line(chunk + word.rstrip(" "), like)) > width:
                    chunks.append(chunk)
                    chunk = ""
                chunk += word
            chunks.append(chunk)
        return [self.speller.line(chunk, like) for chunk in chunks or [""]]

    def _gaps(self, chain: Chain) -> list[str] | None:
        """The code between the pieces; `None` where it is more than white space, comments and `+`."""
        gaps = [self.file.code(a.end, b.start) for a, b in zip(chain.pieces, chain.pieces[1:], strict=False)]
        return gaps if all(_GAP.fullmatch(gap) for gap in gaps) else None

    def _room(self, start: int, end: int) -> Room:
        return Room(self.file.before(start), self.file.after(end), self.limit)

    def _encoded(self, pieces: Sequence[Piece]) -> str:
        return "".join(self.speller.stand_ins.encoded(piece.fragments) for piece in pieces)


_GAP = re.compile(r"(?:[ \t\r\n+]|#[^\r\n]*[\r\n])*")
_NEW = Piece(0, 0, (), quote='"')
"""The first literal in a chain of names."""
_ANCHOR = 12
"""Characters of the shortest piece that is searched for in a changed text: a shorter one may be there by chance."""


def _like(pieces: Sequence[Piece]) -> Piece:
    """The piece whose quotes and prefix new pieces take."""
    literals = [piece for piece in pieces if not piece.operand] or [_NEW]
    return next((piece for piece in literals if not piece.triple), literals[0])


def _runs(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Splits the pieces into runs: each operand alone, the literals between operands together."""
    run: list[Piece] = []
    for piece in pieces:
        if piece.operand:
            if run:
                yield run
            yield [piece]
            run = []
        else:
            run.append(piece)
    if run:
        yield run


def _aligned(text: str, pieces: Sequence[str]) -> Iterator[tuple[str, int | None]]:
    """Splits the text into old pieces, with their index, and the new parts between them."""
    head = 0
    while head < len(pieces) and pieces[head] and text.startswith(pieces[head]):
        yield pieces[head], head
        text = text[len(pieces[head]) :]
        head += 1
    tail = len(pieces)
    end = len(text)
    while tail > head and pieces[tail - 1] and text.endswith(pieces[tail - 1], 0, end):
        tail -= 1
        end -= len(pieces[tail])
    position = 0
    for index in range(head, tail):
        piece = pieces[index]
        found = text.find(piece, position, end) if len(piece) >= _ANCHOR and text.count(piece) == 1 else -1
        if found >= 0:
            if found > position:
                yield text[position:found], None
            yield piece, index
            position = found + len(piece)
    if position < end:
        yield text[position:end], None
    for index in range(tail, len(pieces)):
        yield pieces[index], index
