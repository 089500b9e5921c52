"""Where the benchmarks' examples come from: files at their public homes, checked on arrival, and JSON lines."""

from __future__ import annotations

import bz2
import hashlib
import json
import os
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from langgraph_gepa.errors import ExampleError


class Source(NamedTuple):
    """A file at its public home. `size` is in bytes."""

    url: str
    size: int
    sha256: str


WIKIPEDIA = Source(
    "https://nlp.stanford.edu/projects/hotpotqa/enwiki-20171001-pages-meta-current-withlinks-abstracts.tar.bz2",
    1553565403,
    "1acca1c5cc93c4890ea51091d2bad7c3ef6987aead127ab88728dc9e26555729",
)


def cache_folder(benchmark: str) -> Path:
    """Where the files of `benchmark` are kept once downloaded: a folder in the user's cache directory."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "langgraph-gepa" / benchmark


def fetched(source: Source, folder: Path) -> Path:
    """`source` on disk in `folder`, downloaded on first use and kept only if size and checksum are the ones expected.

    Raises `ExampleError`.
    """
    path = folder / source.url.rsplit("/", 1)[-1]
    if path.exists() and path.stat().st_size == source.size:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    remedy = f"Try again, or put the file at {path} by other means."
    try:
        size, sha256 = _download(source.url, partial)
    except (urllib.error.URLError, OSError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it is the reply as well, which Python 3.14 warns of when it is left open
        raise ExampleError(f"Could not download {source.url}: {error}. {remedy}") from error
    if (size, sha256) != (source.size, source.sha256):
        partial.unlink()
        raise ExampleError(
            f"{source.url} is not the file expected: {size:,} bytes with SHA-256 {sha256}, "
            f"not {source.size:,} with {source.sha256}. {remedy}"
        )
    return partial.rename(path)


def _download(url: str, path: Path) -> tuple[int, str]:
    digest = hashlib.sha256()
    with urllib.request.urlopen(url, timeout=60) as reply, path.open("wb") as file:  # noqa: S310 - a URL written here
        while block := reply.read(1 << 20):
            digest.update(block)
            file.write(block)
        return file.tell(), digest.hexdigest()


def wikipedia(path: Path) -> Iterator[dict[str, str]]:
    """The opening paragraphs of all 5.2 million articles of English Wikipedia in October 2017: the paper's corpus."""
    with tarfile.open(path, "r|bz2") as archive:
        for member in archive:
            packed = archive.extractfile(member) if member.name.endswith(".bz2") else None
            for line in bz2.decompress(packed.read()).splitlines() if packed else ():
                article = json.loads(line)
                if text := "".join(article["text"]).strip():
                    yield {"title": article["title"], "text": text}


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
