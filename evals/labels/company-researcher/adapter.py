"""Stand-in for the search service: one page, whatever is asked for."""

from typing import Any

from strangers.standins import Standin


class AsyncTavilyClient(Standin):
    async def search(self, query: str, **_: Any) -> dict[str, Any]:
        page = {
            "url": "https://example.org",
            "title": "A page",
            "content": "A page.",
            "raw_content": "A whole page.",
            "score": 1,
        }
        return {"query": query, "results": [page]}


def prepare() -> None:
    import tavily

    tavily.AsyncTavilyClient = AsyncTavilyClient
