"""One document in the store and one page on the web; a module that newer langchain keeps elsewhere."""

import sys
from typing import Any

import langgraph.prebuilt.tool_node
from langchain_core.documents import Document
from strangers.standins import Standin


class FAISS(Standin):
    @classmethod
    def from_documents(cls, *_: Any) -> "FAISS":
        return cls()

    def similarity_search(self, query: str, **_: Any) -> list[Document]:
        return [Document("A phone costs 100.")]


class TavilySearchResults(Standin):
    def invoke(self, query: str) -> list[dict[str, str]]:
        return [{"url": "https://example.org", "content": "A page."}]


def prepare() -> None:
    import langchain_community.tools.tavily_search as tavily
    import langchain_community.vectorstores as stores

    stores.FAISS = FAISS
    tavily.TavilySearchResults = TavilySearchResults
    sys.modules["langchain.agents.tool_node"] = langgraph.prebuilt.tool_node
