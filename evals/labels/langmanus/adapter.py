"""The graph as the project's workflow builds it; every search and crawl finds one page."""

from typing import Any


def prepare() -> None:
    from langchain_community.tools.tavily_search import TavilySearchResults

    page = {"title": "A page", "url": "https://example.org", "content": "A page."}
    TavilySearchResults._run = lambda self, query, **_: ([page], {})

    async def search(self: Any, query: str, **_: Any) -> Any:
        return [page], {}

    TavilySearchResults._arun = search


def graph() -> Any:
    from src.crawler.crawler import Crawler
    from strangers.standins import canned

    Crawler.crawl = lambda self, url: canned(to_message=lambda self: "A page.")()
    from src.graph import build_graph

    return build_graph()
