"""Every search finds one page, where the package is installed that would ask the network."""

from typing import Any


def prepare() -> None:
    from langchain_tavily import TavilySearch

    async def search(self: Any, query: str, **_: Any) -> dict[str, Any]:
        return {"query": query, "results": [{"title": "A page", "url": "https://example.org", "content": "A page."}]}

    TavilySearch._arun = search
