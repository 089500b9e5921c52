"""A search that finds two pages, one of which says little."""

from typing import Any

from strangers.standins import Standin


class TavilyClient(Standin):
    def search(self, query: str, **_: Any) -> dict[str, Any]:
        return {"results": [{"title": "Tea", "content": "A page.", "url": "https://example.org/a"}, {}]}


def prepare() -> None:
    import tavily

    tavily.TavilyClient = TavilyClient
