"""Every search finds one page; a module that newer langchain keeps elsewhere."""

import os
import sys
from typing import Any

import langchain_core.prompts
from strangers.standins import Standin


class Search(Standin):
    def results(self, query: str) -> dict[str, Any]:
        return {"organic": [{"title": "A page", "link": "https://example.org", "snippet": "A page."}]}


def prepare() -> None:
    import langchain_community.utilities

    os.environ["SERPER_API_KEY"] = "simulated"
    langchain_community.utilities.GoogleSerperAPIWrapper = Search
    sys.modules["langchain.prompts"] = langchain_core.prompts


def graph() -> Any:
    from src.graph.research_graph import build_research_graph

    return build_research_graph()
