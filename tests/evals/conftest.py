"""The public home of a benchmark's files, played by a server on loopback."""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sources import Source


@dataclass(frozen=True)
class Home:
    """A folder served over HTTP on loopback, and its address."""

    folder: Path
    url: str

    def publish(self, name: str, content: bytes) -> Source:
        (self.folder / name).write_bytes(content)
        return Source(f"{self.url}/{name}", len(content), hashlib.sha256(content).hexdigest())


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

    folder = tmp_path / "home"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Home(folder, f"http://127.0.0.1:{server.server_address[1]}")
        server.shutdown()
        thread.join()
