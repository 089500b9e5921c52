"""A search that finds one page."""

from typing import Any


def prepare() -> None:
    from langchain_tavily import TavilySearch

    page = {"results": [{"title": "A page", "url": "https://example.org", "content": "A page."}]}
    TavilySearch._run = lambda self, query, **_: page

    async def search(self: Any, query: str, **_: Any) -> Any:
        return page

    TavilySearch._arun = search
