"""Stand-ins for two searches, one page each, and memories of every kind."""

from typing import Any

from langchain_core.documents import Document
from strangers.standins import Standin


class TavilySearch(Standin):
    def invoke(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"results": [{"url": "https://example.org", "content": "A page."}]}


class WikipediaLoader(Standin):
    def load(self) -> list[Document]:
        return [Document("A page.", metadata={"source": "https://example.org"})]


def prepare() -> None:
    import langchain_community.document_loaders as loaders
    import langchain_tavily

    langchain_tavily.TavilySearch = TavilySearch
    loaders.WikipediaLoader = WikipediaLoader


async def seed(store: Any) -> None:
    here = ("general", "default-user")
    await store.aput(("profile", *here), "1", {"name": "Ada", "connections": [], "interests": ["tea"]})
    todo = {
        "task": "Buy tea",
        "time_to_complete": 5,
        "deadline": None,
        "solutions": ["A shop"],
        "status": "not started",
    }
    await store.aput(("todo", *here), "1", todo)
    await store.aput(("instructions", *here), "user_instructions", {"memory": "Be brief."})
