"""The README's pictures are made by a script from what the program prints."""

from __future__ import annotations

import runpy
from html import unescape
from pathlib import Path
from xml.etree import ElementTree as ET

DOCS = Path(__file__).parents[1] / "docs"


def test_the_picture_of_the_terminal_shows_the_output_and_loads_nothing() -> None:
    """It has the command and every line of its output, is well-formed, and names no address to load a font from."""
    picture = runpy.run_path(str(DOCS / "pictures" / "make.py"))["drawn"]("\x1b[1mScore <0.5>\x1b[0m\nNext", "demo")
    words = unescape("".join(ET.fromstring(picture).itertext())).replace("\xa0", " ")  # noqa: S314 - our own
    assert "$ demo" in words
    assert "Score <0.5>" in words
    assert "url(http" not in picture
