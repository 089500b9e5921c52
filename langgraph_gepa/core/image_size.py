"""Reads the width and height of an image from its first bytes."""

from __future__ import annotations

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The markers of JPEG segments that hold the size of the frame."""


def image_size(start: bytes) -> tuple[int, int] | None:
    """Returns the width and height of a PNG, GIF, JPEG or WebP that begins with these bytes; `None` where unknown."""
    if start.startswith(b"\x89PNG\r\n\x1a\n") and start[12:16] == b"IHDR" and len(start) >= 24:
        return _big(start[16:20]), _big(start[20:24])
    if start[:6] in (b"GIF87a", b"GIF89a") and len(start) >= 10:
        return _little(start[6:8]), _little(start[8:10])
    if start.startswith(b"\xff\xd8"):
        return _jpeg(start)
    if start[:4] == b"RIFF" and start[8:16] == b"WEBPVP8X" and len(start) >= 30:
        return _little(start[24:27]) + 1, _little(start[27:30]) + 1
    if start[:4] == b"RIFF" and start[8:16] == b"WEBPVP8 " and len(start) >= 30:
        return _little(start[26:28]) & 0x3FFF, _little(start[28:30]) & 0x3FFF
    if start[:4] == b"RIFF" and start[8:16] == b"WEBPVP8L" and len(start) >= 25:
        bits = _little(start[21:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None


def _jpeg(start: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(start) and start[at] == 0xFF:
        if start[at + 1] in _FRAMES:
            return _big(start[at + 7 : at + 9]), _big(start[at + 5 : at + 7])
        at += 2 + _big(start[at + 2 : at + 4])
    return None


def _big(number: bytes) -> int:
    return int.from_bytes(number, "big")


def _little(number: bytes) -> int:
    return int.from_bytes(number, "little")
