"""The web as one page, and files in a folder of their own."""

import tempfile
from pathlib import Path

import requests
from strangers.standins import canned

FOUND = {"AbstractText": "A page.", "AbstractSource": "Example", "AbstractURL": "https://example.org/a"}


def prepare() -> None:
    from src.tools import file_ops

    folder = tempfile.mkdtemp()
    file_ops.Path = lambda name: Path(folder, name)
    requests.get = lambda *_, **__: canned(json=lambda _: FOUND)()  # type: ignore[assignment]
