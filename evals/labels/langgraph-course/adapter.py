"""Stand-ins for the vector store, the web and the prompt hub; modules that newer langchain keeps elsewhere."""

import sys
import types
from typing import Any

import langchain
import langchain_core.documents
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables.graph import Graph
from strangers.standins import Standin

HUB_PROMPT = "Answer from the context alone, in three sentences.\nQuestion: {question}\nContext: {context}\nAnswer:"


class OneDocument(BaseRetriever):
    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return [Document("A page.")]


OneDocument.__module__ = "langchain_core.retrievers"


class Chroma(Standin):
    def as_retriever(self) -> BaseRetriever:
        return OneDocument()


class Loader(Standin):
    def load(self) -> list[Document]:
        return [Document("A page.")]


def prepare() -> None:
    import langchain_chroma
    import langchain_community.document_loaders as loaders
    import langchain_tavily

    langchain_chroma.Chroma = Chroma
    loaders.WebBaseLoader = Loader
    langchain_tavily.TavilySearch._run = lambda self, query, **_: {"results": [{"content": "A page."}]}
    hub = types.ModuleType("langchain.hub")
    hub.pull = lambda name: ChatPromptTemplate.from_template(HUB_PROMPT)  # type: ignore[attr-defined]
    langchain.hub = sys.modules["langchain.hub"] = hub  # type: ignore[attr-defined]
    sys.modules["langchain.schema"] = langchain_core.documents
    splitter: Any = types.ModuleType("langchain.text_splitter")
    splitter.RecursiveCharacterTextSplitter = Standin()
    sys.modules["langchain.text_splitter"] = splitter
    Graph.draw_mermaid_png = lambda self, **_: b""  # type: ignore[method-assign]  # drawn by a web service
