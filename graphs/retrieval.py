"""BM25 retrieval over passages, as the paper's multi-hop programs use it; shared by the graphs beside this file."""

import gzip
import json
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import bm25s
import Stemmer
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

INDEXING = threading.Lock()


class BM25(BaseRetriever):
    """Okapi BM25 over passages held in memory; the parameters are those of the paper's programs."""

    passages: list[Document]
    index: Any

    @classmethod
    def over(cls, *paths: Path) -> "BM25":
        """Reads and indexes the passages of JSON lines files: about a second for every 10,000."""
        rows = [row for path in paths for row in _rows(path)]
        passages = [Document(f"{row['title']} | {row['text']}", metadata={"title": row["title"]}) for row in rows]
        index = bm25s.BM25(k1=0.9, b=0.4)
        index.index(tokens([passage.page_content for passage in passages]), show_progress=False)
        return cls(passages=passages, index=index)

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002 - the port's signature
        k: int = 7,
    ) -> list[Document]:
        k = min(k, len(self.passages))
        found, scores = self.index.retrieve(tokens([query]), k=k, show_progress=False)
        return [self.passages[i] for i, score in zip(found[0], scores[0], strict=True) if score > 0]


def _rows(path: Path) -> Iterator[dict[str, str]]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def tokens(texts: list[str]) -> Any:
    """Stemmed words. A stemmer is not safe to share between threads, and cheap to make."""
    return bm25s.tokenize(texts, stopwords="en", stemmer=Stemmer.Stemmer("english"), show_progress=False)


def search(query: str, k: int, *corpus: Path) -> list[str]:
    """At most `k` passages of the files `corpus` that share a word with the query, best first, as `title | text`.

    `corpus` is JSON lines of `title` and `text`, gzipped or not; it is read and indexed once.
    """
    with INDEXING:  # many rollouts start at once; the first of them builds the index
        bm25 = _indexed(corpus)
    return [passage.page_content for passage in bm25.invoke(query, k=k)]


@cache
def _indexed(corpus: tuple[Path, ...]) -> BM25:
    return BM25.over(*corpus)
