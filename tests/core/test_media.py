"""Pictures, sounds and files: how they are named in a text, found again, and left out."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from langgraph_gepa.core.image_size import image_size
from langgraph_gepa.core.media import LARGEST, TOKENS, Medium, affordable, found_in, named, numbers_in, without_others
from langgraph_gepa.core.opaque import abridged, media

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png(width: int = 640, height: int = 480, rest: int = 200) -> str:
    """The base64 of the beginning of a PNG."""
    header = b"\0\0\0\rIHDR" + width.to_bytes(4) + height.to_bytes(4)
    return base64.b64encode(SIGNATURE + header + bytes(rest)).decode()


PNG, PDF = png(), base64.b64encode(b"%PDF-1.7" + bytes(400)).decode()
URL = "https://example.com/cat.png"
PICTURE = Medium("image", "image/png", PNG)


@pytest.mark.parametrize(
    ("start", "size"),
    [
        (base64.b64decode(PNG), (640, 480)),
        (b"GIF89a\x80\x02\xe0\x01\0", (640, 480)),
        (b"\xff\xd8\xff\xe0\0\x04ab\xff\xc2\0\x11\x08\x01\xe0\x02\x80\x03", (640, 480)),
        (b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + b"\x7f\x02\0\xdf\x01\0", (640, 480)),
        (b"RIFF\0\0\0\0WEBPVP8 " + bytes(10) + b"\x80\x02\xe0\x01", (640, 480)),
        (b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + (639 | 479 << 14).to_bytes(4, "little"), (640, 480)),
        (SIGNATURE, None),
        (b"\xff\xd8\xff", None),
        (b"\xff\xd8" + b"\xff\xe0\0\0" * 9, None),
        (b"%PDF-1.7", None),
        (b"", None),
    ],
)
def test_the_size_of_an_image_is_read_from_its_beginning(start: bytes, size: tuple[int, int] | None) -> None:
    """Of the formats that models take; anything else has none."""
    assert image_size(start) == size


BLOCKS: list[tuple[dict[str, Any], Medium]] = [
    ({"type": "image", "base64": PNG, "mime_type": "image/png"}, Medium("image", "image/png", PNG)),
    ({"type": "image", "base64": PNG}, Medium("image", "image/png", PNG)),
    ({"type": "image", "url": URL}, Medium("image", "", URL)),
    ({"type": "image", "source_type": "base64", "data": PNG, "mime_type": "image/png"},
     Medium("image", "image/png", PNG)),
    ({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"}},
     Medium("image", "image/png", PNG)),
    ({"type": "image_url", "image_url": URL}, Medium("image", "", URL)),
    ({"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}, Medium("image", "image/png", PNG)),
    ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
     Medium("image", "image/png", PNG)),
    ({"type": "media", "mime_type": "image/png", "data": PNG}, Medium("image", "image/png", PNG)),
    ({"type": "file", "base64": PDF, "mime_type": "application/pdf"}, Medium("file", "application/pdf", PDF)),
    ({"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
     Medium("file", "application/pdf", PDF)),
    ({"type": "input_audio", "input_audio": {"data": PDF, "format": "wav"}}, Medium("audio", "audio/wav", PDF)),
    ({"type": "audio", "base64": PDF, "mime_type": "audio/mp3"}, Medium("audio", "audio/mp3", PDF)),
    ({"type": "video", "base64": PDF, "mime_type": "video/mp4"}, Medium("video", "video/mp4", PDF)),
]  # fmt: skip


@pytest.mark.parametrize(("block", "medium"), BLOCKS)
def test_what_a_text_names_is_found_again(block: dict[str, Any], medium: Medium) -> None:
    """As LangChain and the providers write it, at any depth; its data alone, a data URL or the block itself hold it."""
    name = media(block)
    assert name is not None
    (number,) = numbers_in(name)
    assert number == medium.number
    kinds = ("image", "audio", "video", "file")
    for held in (block, {"messages": [{"content": [block]}]}, medium.data, f"data:{medium.mime};base64,{medium.data}"):
        if not (medium.is_url and isinstance(held, str) and held.startswith("data:")):
            assert found_in(f"user: {name}", [{"x": [held]}], kinds) == {number: medium}
    assert found_in(name, [{"x": "something else"}], kinds) == {}
    assert found_in(name, [block], ()) == {}


@pytest.mark.parametrize(
    ("block", "reads"),
    [
        ({"type": "image", "base64": PNG}, "[image, 640x480 png, left out]"),
        ({"type": "image", "url": URL}, f"[image, {URL}, left out]"),
        ({"type": "file", "base64": PDF, "mime_type": "application/pdf"}, "[file, pdf, left out]"),
        ({"type": "image", "file_id": "file-1"}, "[image]"),
    ],
)
def test_what_is_left_out_is_said_in_short(block: dict[str, Any], reads: str) -> None:
    """A file of which only the provider's number is known cannot be sent to another, and is named from the start."""
    name = str(abridged(block))
    assert without_others(f"a {name} b", ()) == f"a {reads} b"
    assert without_others(name, numbers_in(name)) == name


def test_the_same_picture_has_one_name_whatever_holds_it() -> None:
    """A message reads the same before and after LangChain has rewritten its blocks for a provider."""
    names = {media(block) for block, medium in BLOCKS if medium.data == PNG}
    assert names == {named("image", "image/png", PNG)}


def test_the_largest_are_left_out_first() -> None:
    """Until the others fit the tokens; one that no provider takes, or of unknown type, is never sent."""
    pictures = {str(n): Medium("image", "image/png", "x" * n) for n in (100, 300, 200)}
    assert set(affordable(pictures, 2 * TOKENS)) == {"100", "200"}
    assert affordable(pictures, TOKENS - 1) == {}
    huge = {"huge": Medium("image", "image/png", "x" * (LARGEST + 1))}
    assert affordable(huge, 100_000) == {}


@pytest.mark.parametrize(
    ("medium", "common"),
    [
        (PICTURE, True),
        (Medium("image", "", URL), True),
        (Medium("file", "application/pdf", PDF), True),
        (Medium("audio", "audio/wav", PDF), True),
        (Medium("image", "image/svg+xml", PNG), False),
        (Medium("image", "", PNG), False),
        (Medium("file", "", URL), False),
        (Medium("file", "text/csv", PDF), False),
    ],
)
def test_what_few_providers_take_does_not_spoil_the_request_for_the_rest(medium: Medium, common: bool) -> None:
    """A single odd file would have all of them refused."""
    media = {"first": PICTURE, "second": medium}
    assert set(affordable(media, 100_000)) == ({"first", "second"} if common else {"first"})


def test_a_file_counts_by_its_size() -> None:
    """An image of any size counts the same, a longer file more."""
    assert Medium("image", "image/png", "x" * 4_000_000).tokens == TOKENS == Medium("image", "", URL).tokens
    assert Medium("file", "application/pdf", "x" * 4_000_000).tokens == 60_000
