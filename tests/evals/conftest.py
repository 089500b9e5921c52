"""The public home of a benchmark's files, played by a server on loopback, and the scripts of `evals/bench`."""

from __future__ import annotations

import bz2
import functools
import hashlib
import importlib
import io
import json
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sources import Source

BENCH = Path(__file__).parents[2] / "evals" / "bench"


@dataclass(frozen=True)
class Home:
    """A folder served over HTTP on loopback, and its address."""

    folder: Path
    url: str

    def publish(self, name: str, content: bytes) -> Source:
        (self.folder / name).write_bytes(content)
        return Source(f"{self.url}/{name}", len(content), hashlib.sha256(content).hexdigest())

    def publish_wikipedia(self, pages: dict[str, list[str]]) -> Source:
        """An archive as HotpotQA's home has it: packed files of JSON lines, each a title and its sentences."""
        lines = "\n".join(json.dumps({"title": title, "text": text}) for title, text in pages.items())
        packed, archive = bz2.compress(lines.encode()), io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:bz2") as tar:
            member = tarfile.TarInfo("abstracts/AA/wiki_00.bz2")
            member.size = len(packed)
            tar.addfile(member, io.BytesIO(packed))
        return self.publish("wikipedia.tar.bz2", archive.getvalue())


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


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a script of the benchmarks by name, as one beside it does."""
    monkeypatch.syspath_prepend(str(BENCH))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if (BENCH / f"{name}.py").exists():
            del sys.modules[name]


@pytest.fixture
def load(bench: Any) -> Callable[[str], ModuleType]:
    """Loads `evals/kernelbench.py` and the like afresh, as the benchmark of search at inference time does."""
    loaded: Callable[[str], ModuleType] = bench("inference_search").loaded
    return loaded
