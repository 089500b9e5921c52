"""Spells a text as a Python literal: its prefix, quotes and escapes, no more of them than needed.

Meanwhile a single character that occurs nowhere in the text stands in for each expression, so that texts can be split
and wrapped as plain strings.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from langgraph_gepa.writeback.source_text import Expression, Fragments, Piece, evaluated, merged


@dataclass(frozen=True, slots=True)
class StandIns:
    """Expressions by the character that stands in for each."""

    expressions: Mapping[str, Expression] = field(default_factory=dict)

    @classmethod
    def among(cls, *texts: Fragments) -> StandIns:
        """Chooses a character for each expression in `texts` that does not occur in them."""
        met = {f for text in texts for f in text if isinstance(f, Expression)}
        taken = {char for text in texts for f in text if isinstance(f, str) for char in f}
        free = (chr(point) for point in itertools.chain(range(0xF0000, 0xFFFFE), range(0xE000, 0xF900)))
        return cls(dict(zip((c for c in free if c not in taken), sorted(met, key=lambda h: h.code), strict=False)))

    def encoded(self, text: Fragments) -> str:
        """The text as one string, with stand-ins for its expressions."""
        char = {expression: char for char, expression in self.expressions.items()}
        return "".join(f if isinstance(f, str) else char[f] for f in text)

    def decoded(self, text: str) -> Fragments:
        return merged(self.expressions.get(char, char) for char in text)

    @property
    def operands(self) -> str:
        return "".join(char for char, expression in self.expressions.items() if expression.operand)


@dataclass(frozen=True, slots=True)
class Speller:
    """Spells literals for one file. `encodable` says which characters its encoding has."""

    stand_ins: StandIns
    encodable: Callable[[str], bool]

    def line(self, text: str, like: Piece) -> str:
        """The literal on one line, in the quotes of `like` unless the other quotes need fewer escapes."""
        own = like.quote[:1] or '"'
        other = "'" if own == '"' else '"'
        quotes = [own, other]
        codes = "".join(self.stand_ins.expressions[c].code for c in text if c in self.stand_ins.expressions)
        if (own in codes and other not in codes) or (own not in codes and text.count(own) > text.count(other)):
            quotes.reverse()
        found = [self._spelled(text, quote, like) for quote in quotes]
        return next((spelled for spelled in found if evaluated(spelled) is not None), found[0])

    def block(self, text: str, like: Piece, known: Mapping[str, str], *, open_line: bool = False) -> str:
        """The literal in triple quotes, with real line breaks.

        `known` is the present spelling of lines; `open_line` starts the text on the line after the quotes.
        """
        quote = like.quote if like.triple else 3 * (like.quote or '"')
        if like.raw and not open_line and self._fits_raw(text, quote):
            return self._raw(text, quote, like)
        lines = text.split("\n")
        f = self.has_expressions(text)
        spelled = [known[line] if line in known else self._escape(line, quote, f) for line in lines]
        if spelled[-1].endswith(quote[0]) and not _BACKSLASHED.search(spelled[-1]):
            spelled[-1] = f"{spelled[-1][:-1]}\\{quote[0]}"
        body = "\n".join(spelled)
        return f"{self._cooked(text, like)}{quote}" + ("\\\n" if open_line else "") + f"{body}{quote}"

    def _spelled(self, text: str, quote: str, like: Piece) -> str:
        if like.raw and self._fits_raw(text, quote):
            return self._raw(text, quote, like)
        return f"{self._cooked(text, like)}{quote}{self._escape(text, quote, self.has_expressions(text))}{quote}"

    def _raw(self, text: str, quote: str, like: Piece) -> str:
        f = self.has_expressions(text)
        body = "".join(self._char(c, f) if c in self.stand_ins.expressions or c in "{}" else c for c in text)
        return f"{self._prefix(text, like)}{quote}{body}{quote}"

    def has_expressions(self, text: str) -> bool:
        return any(char in self.stand_ins.expressions for char in text)

    def _prefix(self, text: str, like: Piece) -> str:
        """The prefix of `like`, with an `f` if and only if the text has expressions."""
        has = "f" in like.prefix.lower()
        if self.has_expressions(text):
            return like.prefix if has else "f" + like.prefix.replace("u", "").replace("U", "")
        return re.sub("[fF]", "", like.prefix)

    def _cooked(self, text: str, like: Piece) -> str:
        """The prefix of a literal with escapes, which must not be raw."""
        return re.sub("[rR]", "", self._prefix(text, like))

    def _fits_raw(self, text: str, quote: str) -> bool:
        plain = "".join(char for char in text if char not in self.stand_ins.expressions)
        breaks = "\t\n" if len(quote) == 3 else "\t"
        printable = all(char in breaks or self._is_printable(char) for char in plain)
        return printable and quote not in text and not text.endswith((quote[0], "\\"))

    def _escape(self, text: str, quote: str, f: bool) -> str:
        written: list[str] = []
        run = 0  # quotes in a row, of which three would end the literal
        for char in text:
            run = run + 1 if char == quote[0] else 0
            if run == len(quote):
                written.append(f"\\{char}")
                run = 0
            else:
                written.append(self._char(char, f))
        return "".join(written)

    def _char(self, char: str, f: bool) -> str:
        if char in self.stand_ins.expressions:
            return self.stand_ins.expressions[char].code
        if f and char in "{}":
            return 2 * char
        if char in _ESCAPES:
            return _ESCAPES[char]
        if self._is_printable(char):
            return char
        point = ord(char)
        return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"

    def _is_printable(self, char: str) -> bool:
        """Whether a character can be written as itself; an invisible one is better escaped."""
        return char.isprintable() and self.encodable(char)


_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_BACKSLASHED = re.compile(r"(?<!\\)(?:\\\\)*\\.\Z")
_ATOM = re.compile(r"\\(?:\r\n|N\{[^}]*\}|x..|u.{4}|U.{8}|[0-7]{1,3}|.)|\r\n|.", re.DOTALL)
_RAW_ATOM = re.compile(r"\r\n|.", re.DOTALL)


def spelling(code: str, piece: Piece, stand_ins: StandIns) -> Mapping[str, str]:
    """How a triple-quoted literal spells its lines: from the line of the text to the line in the source.

    Lines with escaped line breaks are left out.
    """
    spelled: dict[str, str] = {}
    value, written = "", ""
    for atom, char in [*_atoms(code, piece, stand_ins), ("\n", "\n")]:
        if atom in ("\n", "\r\n", "\r"):
            if "\n" not in value:
                spelled.setdefault(value, written)
            value = written = ""
        elif not (value or written) and not spelled and char == "" and atom.startswith("\\"):
            continue  # the break after the opening quotes belongs to no line
        else:
            value, written = value + char, written + atom
    return spelled


def opens_on_next_line(code: str, piece: Piece) -> bool:
    """Whether a backslash after the quotes starts the text on the next line."""
    return not piece.raw and code[len(piece.prefix) + 3 :].startswith(("\\\n", "\\\r"))


def _atoms(code: str, piece: Piece, stand_ins: StandIns) -> Iterator[tuple[str, str]]:
    """The characters of a literal as they are written, each with the character that it stands for."""
    body = code[len(piece.prefix) + len(piece.quote) : -len(piece.quote)]
    f = "f" in piece.prefix.lower()
    written = {expression.code: char for char, expression in stand_ins.expressions.items() if not expression.operand}
    pattern = _RAW_ATOM if piece.raw else _ATOM
    position = 0
    while position < len(body):
        if f and body[position] in "{}":
            double = body[position : position + 2] in ("{{", "}}")
            found = None if double else next((h for h in _longest(written) if body.startswith(h, position)), None)
            if not double and found is None:
                return  # an expression that is written in no other text, such as `{x=}`
            atom, char = (body[position : position + 2], body[position]) if found is None else (found, written[found])
        else:
            match = pattern.match(body, position)
            if match is None:
                return
            atom = match[0]
            char = atom if not atom.startswith("\\") or piece.raw else _unescaped(atom)
        yield atom, char
        position += len(atom)


def _longest(codes: Iterable[str]) -> list[str]:
    return sorted(codes, key=len, reverse=True)


def _unescaped(atom: str) -> str:
    tree = evaluated(f'"{atom}"') if atom != '\\"' else evaluated("'\"'")
    return str(getattr(tree, "value", ""))
