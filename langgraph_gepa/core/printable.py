"""Makes text safe to print: control characters and invisible characters become visible."""

from __future__ import annotations

import re

_ACTS = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters: C0 but for tab and newline, DEL, C1
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"  # line separators, and marks that reorder text
    # other characters that Unicode draws as nothing (Default_Ignorable_Code_Point)
    "\xad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\ud800-\udfff"  # lone surrogates, which no encoding can write
)
_JOINERS = "\u200c\u200d"
_SELECTORS = "\ufe00-\ufe0f"
_PLAIN = f"^\x00-\x7f{_ACTS}{_JOINERS}{_SELECTORS}"
"""Characters beyond ASCII that show. Between two of them a joiner is spelling, as in Persian, Hindi and emoji; after
one of them a single variation selector is."""
_UNSAFE = re.compile(
    f"[{_ACTS}]|(?<![{_PLAIN}])(?<!\ufe0f)[{_JOINERS}]|[{_JOINERS}](?![{_PLAIN}])"
    f"|(?<![{_PLAIN}])(?<![0-9#*])[{_SELECTORS}]"
)


def visible(text: str) -> str:
    """Returns `text` with every control character and every character that hides or reorders others made visible.

    Control characters become control pictures (`␛`), other characters `[U+202E]`, lone surrogates the replacement
    character. Newlines and tabs stay. What is visible already stays as it is.
    """
    return _UNSAFE.sub(_picture, text.replace("\r\n", "\n"))


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return "\ufffd" if 0xD800 <= code <= 0xDFFF else f"[U+{code:04X}]"


def escaped_json(text: str) -> str:
    """Returns equal JSON with what `visible` would change as `\\uXXXX`."""
    return re.sub(f"[{_ACTS}{_JOINERS}{_SELECTORS}]", _escape, text)


def _escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
