"""Pictures, sounds and files inside messages: names them in texts, and finds them again by these names."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from langgraph_gepa.core.image_size import image_size

Kind = Literal["image", "audio", "video", "file"]

KINDS: Mapping[str, Kind] = {
    "image": "image", "image_url": "image", "input_image": "image",
    "audio": "audio", "input_audio": "audio", "video": "video", "video_url": "video",
    "file": "file", "input_file": "file", "document": "file", "media": "file",
}  # fmt: skip
"""The kinds of media by the types of content blocks, in LangChain and of providers."""

TOKENS = 1_600
"""The tokens that an image counts in a budget, whatever its size: about what providers charge for a large one."""
BYTES_PER_TOKEN = 50
"""The estimate for other files, from pages of PDFs; a file counts at least `TOKENS`."""
LARGEST = 5_000_000
"""Characters of base64 that providers take for one image; a larger one is never sent."""

_NAMED = re.compile(r"\[(image|audio|video|file): ([^\[\]\n]*), #([0-9a-f]{8})\]")
_DATA = re.compile(r"data:([\w.+-]+/[\w.+-]+)?[\w;=.+-]*;base64,")
_MIME = re.compile(r"[\w.+-]+/[\w.+-]+")
_SIZE = re.compile(r"\d+x\d+")
_URL = ("http://", "https://")
_BEGINNINGS = {
    "iVBORw0KGgo": "image/png", "/9j/": "image/jpeg", "R0lGOD": "image/gif", "UklGR": "image/webp",
    "JVBERi": "application/pdf",
}  # fmt: skip
_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_LEAST = 64
"""Characters below which a text is no encoded file."""


@dataclass(frozen=True, slots=True)
class Medium:
    """One picture, sound or file: `data` is its base64, or its URL."""

    kind: Kind
    mime: str
    data: str

    @property
    def number(self) -> str:
        """What names it in a text."""
        return _number(self.data)

    @property
    def is_url(self) -> bool:
        return self.data.startswith(_URL)

    @property
    def size(self) -> int:
        """Characters of base64; those of a URL count as nothing."""
        return 0 if self.is_url else len(self.data)

    @property
    def tokens(self) -> int:
        return TOKENS if self.kind == "image" else max(TOKENS, self.size * 3 // 4 // BYTES_PER_TOKEN)

    @property
    def block(self) -> dict[str, str]:
        """The content block of a LangChain message."""
        if self.is_url:
            return {"type": self.kind, "url": self.data}
        name = {"filename": f"file.{self.mime.rpartition('/')[2]}"} if self.kind == "file" else {}
        return {"type": self.kind, "base64": self.data, "mime_type": self.mime, **name}


def named(kind: str, mime: str, held: str) -> str:
    """Returns what a text says in place of a medium: its kind, type and size, and a number by which it is found.

    `held` is its base64, a data URL or a URL.
    """
    if held.startswith(_URL):
        return f"[{kind_of(kind, mime)}: {_short(held)}, #{_number(held)}]"
    data = _payload(held)
    mime = (_DATA.match(held) or ("", ""))[1] or mime or _guessed(data)
    mime = mime if not mime or "/" in mime else f"{KINDS[kind]}/{mime}"  # OpenAI's sounds have a format
    wide_high = image_size(_start(data))
    size = f"{wide_high[0]}x{wide_high[1]}" if wide_high else ""
    about = ", ".join(filter(None, (mime, size, f"{len(data):,} characters")))
    return f"[{kind_of(kind, mime)}: {about}, #{_number(data)}]"


def kind_of(kind: str, mime: str) -> Kind:
    """Returns the kind of medium in a content block of this type: files are told apart by their MIME type."""
    beginning = mime.partition("/")[0]
    return KINDS[beginning] if KINDS[kind] == "file" and beginning in ("image", "audio", "video") else KINDS[kind]


def numbers_in(text: str) -> list[str]:
    """Returns the numbers of the media that a text names, in order and each once."""
    return list(dict.fromkeys(match[3] for match in _NAMED.finditer(text)))


def found_in(text: str, values: Iterable[Any], kinds: Collection[str]) -> dict[str, Medium]:
    """Returns the media of these kinds that `text` names, by number, as far as `values` (plain JSON) hold them."""
    wanted = {match[3]: match for match in _NAMED.finditer(text)}
    if not wanted or not kinds:
        return {}
    found: dict[str, Medium] = {}
    for held in _held(values):
        data = _payload(held)
        if (match := wanted.get(_number(data))) is None:
            continue
        mime = None if data.startswith(_URL) else _MIME.search(match[2])
        if match[1] in kinds:
            found[match[3]] = Medium(KINDS[match[1]], mime[0] if mime else "", data)
    return found


def affordable(media: Mapping[str, Medium], tokens: int) -> dict[str, Medium]:
    """Returns the media that fit into `tokens` together: unusual ones are left out, and then the largest."""
    kept = {number: one for number, one in media.items() if one.size <= LARGEST and _is_common(one)}
    for number in sorted(kept, key=lambda number: -kept[number].size):
        if sum(one.tokens for one in kept.values()) <= tokens:
            break
        del kept[number]
    return kept


def _is_common(medium: Medium) -> bool:
    """Whether every provider accepts it whose models take this kind: one that does not refuses the whole request."""
    if medium.kind == "image":
        return medium.is_url or medium.mime in _IMAGES
    return bool(medium.mime) and not medium.is_url and (medium.kind != "file" or medium.mime == "application/pdf")


def without_others(text: str, kept: Collection[str]) -> str:
    """Returns the text with every medium that it names and that is not in `kept` marked as left out."""
    return _NAMED.sub(lambda match: match[0] if match[3] in kept else _left_out(match), text)


def _left_out(match: re.Match[str]) -> str:
    mime, size = _MIME.search(match[2]), _SIZE.search(match[2])
    about = match[2] if match[2].startswith(_URL) else mime[0].rpartition("/")[2] if mime else ""
    about = f"{size[0]} {about}" if size and not match[2].startswith(_URL) else about
    return f"[{', '.join(filter(None, (match[1], about.strip(), 'left out')))}]"


def _number(data: str) -> str:
    return sha256(data.encode()).hexdigest()[:8]


def _payload(held: str) -> str:
    return held[match.end() :] if (match := _DATA.match(held)) else held


def _short(url: str) -> str:
    return url if len(url) <= 200 else f"{url[:200]}..."


def _guessed(data: str) -> str:
    return next((mime for beginning, mime in _BEGINNINGS.items() if data.startswith(beginning)), "")


def _start(data: str) -> bytes:
    """Decodes the beginning of base64; nothing where it is none."""
    try:
        return base64.b64decode(data[:65_536], altchars=None, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _held(values: Iterable[Any]) -> Iterator[str]:
    """Yields the strings that may be media, at any depth."""
    stack = list(values)
    while stack:
        value = stack.pop()
        if isinstance(value, str):
            if value.startswith(_URL) or (len(value) >= _LEAST and not re.search(r"\s", value[:1_000])):
                yield value
        elif isinstance(value, Mapping):
            stack += value.values()
        elif isinstance(value, list | tuple):
            stack += value
