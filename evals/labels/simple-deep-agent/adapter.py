"""A search tool that always finds one page."""

from typing import Any

from langchain_core.tools import BaseTool
from pydantic import ConfigDict


class TavilySearch(BaseTool):
    model_config = ConfigDict(extra="allow")
    name: str = "tavily_search"
    description: str = "Look something up on the web."

    def _run(self, query: str) -> dict[str, Any]:
        page = {"title": "A page", "url": "https://example.org/a", "content": "A page.", "score": 1}
        return {"query": query, "results": [page]}


def prepare() -> None:
    import langchain_tavily

    langchain_tavily.TavilySearch = TavilySearch
