"""The graph of two hotels; a database without rows, a vector store of one table, an interpreter that succeeds."""

import sys
import types
from typing import Any, Self

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import create_retriever_tool, tool
from strangers.standins import canned


@tool
def tavily_search(query: str) -> str:
    """A search engine optimized for comprehensive results."""
    return "A page."


class OneTable(BaseRetriever):
    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return [Document("dm_bi.VW_HOTEL: ID, Name")]


OneTable.__module__ = "langchain_core.retrievers"


class Interpreter:
    def __init__(self, **_: Any) -> None:
        return

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    async def post(self, *_: Any, **__: Any) -> Any:
        return canned(json=lambda _: {"status": "success", "output": "1"})()


class Connection:
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def execute(self, _: Any) -> Any:
        return types.SimpleNamespace(mappings=lambda: types.SimpleNamespace(all=list))


def prepare() -> None:
    import langchain.tools.retriever as retriever
    import langchain_tavily

    snowflake: Any = types.ModuleType("app.database.snowflake")
    snowflake.get_snowflake_conn = Connection
    sys.modules["app.database.snowflake"] = snowflake
    from app.database.vector_database import vector_db

    retriever.create_retriever_tool = create_retriever_tool
    langchain_tavily.TavilySearch = lambda **_: tavily_search
    vector_db.get_or_create_vector_store = canned(as_retriever=lambda *_, **__: OneTable())


def graph() -> Any:
    from app.agent import tools
    from app.agent.graph import create_graph

    tools.httpx = types.SimpleNamespace(AsyncClient=Interpreter)
    return create_graph({"selected_hotels": [{"id": 1, "name": "The Harbour"}, {"id": 2, "name": "The Hill"}]})
