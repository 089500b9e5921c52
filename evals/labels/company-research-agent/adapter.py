"""The graph as the project's own class builds it; every search and crawl finds one page."""

from typing import Any

from strangers.standins import Standin

PAGE = {
    "url": "https://example.org/a",
    "title": "A page",
    "content": "A page.",
    "raw_content": "A whole page.",
    "score": 1,
}


class AsyncTavilyClient(Standin):
    async def search(self, query: str, **_: Any) -> dict[str, Any]:
        return {"results": [PAGE]}

    async def crawl(self, **_: Any) -> dict[str, Any]:
        return {"results": [PAGE]}

    async def extract(self, url: str, **_: Any) -> dict[str, Any]:
        return {"results": [PAGE]}


def prepare() -> None:
    import tavily

    tavily.AsyncTavilyClient = AsyncTavilyClient


def graph() -> Any:
    from backend.graph import Graph

    return Graph(company="Tea Ltd", url="https://example.org", hq_location="London", industry="Tea").compile()
