"""A search that finds one page; the analyst is an object in the state."""

from typing import Any

from strangers.standins import Standin


class TavilySearch(Standin):
    def invoke(self, _: Any) -> dict[str, Any]:
        return {"results": [{"title": "A page", "url": "https://example.org/a", "content": "Tea is drunk."}]}


def prepare() -> None:
    import langchain_tavily

    langchain_tavily.TavilySearch = TavilySearch


def analyst() -> dict[str, Any]:
    from research_assistant.models import Analyst

    return {"analyst": Analyst(role="Tea Analyst", name="Ana Lee", description="Looks at the trade in teas.")}
