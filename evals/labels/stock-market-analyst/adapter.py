"""One piece of news, and nothing of the search for tickers, which needs an older LangChain and is called wrongly."""

import os
import sys
import types
from typing import Any

from langchain_core.messages import HumanMessage


def prepare() -> None:
    os.environ.update({"groq_api_key_dev": "simulated"})
    stub = types.ModuleType("app.agents.trendingsearch")
    stub.extract_tickers = list  # type: ignore[attr-defined]
    sys.modules[stub.__name__] = stub
    from app.tools import news

    news.get_news = lambda _: [{"title": "Apple grows", "summary": "It does.", "url": "https://example.org/a"}]


def graph() -> Any:
    from app.agents.maingraph import TopGraph

    return TopGraph


def inputs() -> dict[str, Any]:
    return {"messages": [HumanMessage("What of Apple?")]}
