"""The graph as the project's main builds it for the web, on a store of one page that ranks badly."""

from typing import Any

from langchain_core.documents import Document
from langchain_core.tools import BaseTool
from pydantic import ConfigDict
from strangers.standins import Standin, canned


class Store(Standin):
    def similarity_search_with_score(self, query: str, **_: Any) -> list[tuple[Document, float]]:
        return [(Document("A page."), 0.5)]


class FAISS(Standin):
    @classmethod
    def load_local(cls, *_: Any, **__: Any) -> Any:
        return canned(as_retriever=lambda *_, **given: canned(vectorstore=Store(), **given)())()


class CrossEncoder(Standin):
    def predict(self, pairs: list[Any]) -> list[float]:
        return [-1.0 for _ in pairs]


class TavilySearch(BaseTool):
    model_config = ConfigDict(extra="allow")
    name: str = "tavily_search"
    description: str = "Look something up on the web."

    def _run(self, query: str) -> dict[str, Any]:
        return {"results": [{"content": "A page from the web."}]}


def prepare() -> None:
    import langchain_community.vectorstores as stores
    import langchain_tavily
    import sentence_transformers

    stores.FAISS = FAISS
    langchain_tavily.TavilySearch = TavilySearch
    sentence_transformers.CrossEncoder = CrossEncoder


def graph() -> Any:
    from pathlib import Path

    from src.agent.graph import create_agent
    from src.config import AgentMode, Settings

    return create_agent(Settings(mode=AgentMode.ONLINE, vectorstore_path=Path("data")))
