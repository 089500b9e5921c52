"""A text as a Python literal: quotes, escapes, no more of them than needed.

Expressions in a text are held by single characters (`holes`) that occur in no text at hand, so that
texts can be split and wrapped as plain strings.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from langgraph_gepa.writeback.nodes import Fragments, Hole, Piece, merged
from langgraph_gepa.writeback.syntax import evaluated


@dataclass(frozen=True, slots=True)
class Holes:
    """Expressions by the character that stands for each."""

    of: Mapping[str, Hole] = field(default_factory=dict)

    @classmethod
    def among(cls, *texts: Fragments) -> Holes:
        """A character for each expression in `texts`, none of which occurs in them."""
        met = {f for text in texts for f in text if isinstance(f, Hole)}
        taken = {char for text in texts for f in text if isinstance(f, str) for char in f}
        free = (chr(point) for point in itertools.chain(range(0xF0000, 0xFFFFE), range(0xE000, 0xF900)))
        return cls(dict(zip((c for c in free if c not in taken), sorted(met, key=lambda h: h.code), strict=False)))

    def closed(self, text: Fragments) -> str:
        """The text as one string."""
        char = {hole: char for char, hole in self.of.items()}
        return "".join(f if isinstance(f, str) else char[f] for f in text)

    def opened(self, text: str) -> Fragments:
        return merged(self.of.get(char, char) for char in text)

    @property
    def operands(self) -> str:
        return "".join(char for char, hole in self.of.items() if hole.operand)


@dataclass(frozen=True, slots=True)
class Speller:
    """Writes literals for one file. `encodable` says what its encoding can hold."""

    holes: Holes
    encodable: Callable[[str], bool]

    def line(self, text: str, like: Piece) -> str:
        """On one line, in the quotes of `like` unless the others save escapes."""
        own = like.quote[:1] or '"'
        other = "'" if own == '"' else '"'
        quotes = [own, other]
        codes = "".join(self.holes.of[c].code for c in text if c in self.holes.of)
        if (own in codes and other not in codes) or (own not in codes and text.count(own) > text.count(other)):
            quotes.reverse()
        found = [self._spelled(text, quote, like) for quote in quotes]
        return next((spelled for spelled in found if evaluated(spelled) is not None), found[0])

    def block(self, text: str, like: Piece, known: Mapping[str, str], *, open_line: bool = False) -> str:
        """In triple quotes, with real line breaks. `known` are lines with their spelling so far;
        `open_line` starts the text on the line after the quotes."""
        quote = like.quote if like.triple else 3 * (like.quote or '"')
        if like.raw and not open_line and self._fits_raw(text, quote):
            return self._raw(text, quote, like)
        lines = text.split("\n")
        spelled = [known[line] if line in known else self._escape(line, quote, self.has_holes(text)) for line in lines]
        if spelled[-1].endswith(quote[0]) and not _BACKSLASHED.search(spelled[-1]):
            spelled[-1] = f"{spelled[-1][:-1]}\\{quote[0]}"
        body = "\n".join(spelled)
        return f"{self._cooked(text, like)}{quote}" + ("\\\n" if open_line else "") + f"{body}{quote}"

    def _spelled(self, text: str, quote: str, like: Piece) -> str:
        if like.raw and self._fits_raw(text, quote):
            return self._raw(text, quote, like)
        return f"{self._cooked(text, like)}{quote}{self._escape(text, quote, self.has_holes(text))}{quote}"

    def _raw(self, text: str, quote: str, like: Piece) -> str:
        f = self.has_holes(text)
        body = "".join(self._char(c, f) if c in self.holes.of or c in "{}" else c for c in text)
        return f"{self._prefix(text, like)}{quote}{body}{quote}"

    def has_holes(self, text: str) -> bool:
        return any(char in self.holes.of for char in text)

    def _prefix(self, text: str, like: Piece) -> str:
        """The prefix of `like`, with an `f` exactly where there are expressions."""
        has = "f" in like.prefix.lower()
        if self.has_holes(text):
            return like.prefix if has else "f" + like.prefix.replace("u", "").replace("U", "")
        return re.sub("[fF]", "", like.prefix)

    def _cooked(self, text: str, like: Piece) -> str:
        """The same for a literal with escapes."""
        return re.sub("[rR]", "", self._prefix(text, like))

    def _fits_raw(self, text: str, quote: str) -> bool:
        plain = "".join(char for char in text if char not in self.holes.of)
        shown = all(self._shown(char) or char == "\t" or (char == "\n" and len(quote) == 3) for char in plain)
        return shown and quote not in text and not text.endswith((quote[0], "\\"))

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
        if char in self.holes.of:
            return self.holes.of[char].code
        if f and char in "{}":
            return 2 * char
        if char in _ESCAPES:
            return _ESCAPES[char]
        if self._shown(char):
            return char
        point = ord(char)
        return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"

    def _shown(self, char: str) -> bool:
        """Whether a character can stand for itself: what cannot be seen is better escaped."""
        return char.isprintable() and self.encodable(char)


_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_BACKSLASHED = re.compile(r"(?<!\\)(?:\\\\)*\\.\Z")
_ATOM = re.compile(r"\\(?:\r\n|N\{[^}]*\}|x..|u.{4}|U.{8}|[0-7]{1,3}|.)|\r\n|.", re.DOTALL)
_RAW_ATOM = re.compile(r"\r\n|.", re.DOTALL)


def spelling(code: str, piece: Piece, holes: Holes) -> Mapping[str, str]:
    """How a triple-quoted literal spells its lines: line of the text -> that line in the source.

    Lines whose breaks are escaped are left out.
    """
    spelled: dict[str, str] = {}
    value, written = "", ""
    for atom, char in [*_atoms(code, piece, holes), ("\n", "\n")]:
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
    """Whether a backslash puts the text's first line on the line after the quotes."""
    return not piece.raw and code[len(piece.prefix) + 3 :].startswith(("\\\n", "\\\r"))


def _atoms(code: str, piece: Piece, holes: Holes) -> Iterator[tuple[str, str]]:
    """Each smallest part of a literal's source with what it stands for."""
    body = code[len(piece.prefix) + len(piece.quote) : -len(piece.quote)]
    f = "f" in piece.prefix.lower()
    written = {hole.code: char for char, hole in holes.of.items() if not hole.operand}
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
