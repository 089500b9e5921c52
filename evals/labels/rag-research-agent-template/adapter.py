"""Stand-in for the vector store: one document, whatever is asked for."""

import contextlib
from collections.abc import Iterator
from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever


class OneDocument(BaseRetriever):
    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return [Document("A page.")]


OneDocument.__module__ = "langchain_core.retrievers"


def prepare() -> None:
    from shared import retrieval

    @contextlib.contextmanager
    def one_document(config: Any) -> Iterator[BaseRetriever]:
        yield OneDocument()

    retrieval.make_retriever = one_document
