"""Stand-ins for a provider, the web and what is older in langchain; no picture of the graph is drawn."""

import asyncio
import sys
from typing import Any

import langchain_core.prompts
from langchain_core.runnables.graph import Graph
from strangers.standins import Standin, canned


class Crawler(Standin):
    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    async def arun(self, **_: Any) -> Any:
        return canned(markdown="A tea company looks for a taster of teas.")()


class TavilyClient(Standin):
    def search(self, _: str) -> dict[str, Any]:
        return {"results": [{"content": "A small company."}]}


def prepare() -> None:
    import crawl4ai
    import crawl4ai.async_configs as configs
    import langchain.agents
    import langchain_groq
    import langchain_mistralai
    import tavily

    crawl4ai.__all__ = ["AsyncWebCrawler"]
    crawl4ai.AsyncWebCrawler = Crawler
    configs.CacheMode = canned(ENABLED="enabled")
    langchain_mistralai.ChatMistralAI = langchain_groq.ChatGroq
    tavily.TavilyClient = TavilyClient
    langchain.agents.AgentExecutor = Standin  # type: ignore[attr-defined]
    sys.modules["langchain.prompts"] = langchain_core.prompts
    Graph.draw_mermaid_png = lambda self, **_: b""  # type: ignore[method-assign]  # drawn by a web service


def graph() -> Any:
    from src.langgraph_workflow import get_agent_workflow
    from src.utils.tools import tavily_search

    return asyncio.run(get_agent_workflow([tavily_search]))


def candidate() -> dict[str, Any]:
    from src.utils.utils import get_mistral_model

    return {
        "model": get_mistral_model(),
        "company_info_input_type": "URL",
        "job_url": "https://example.org/job",
        "company_details": "",
        "job_details": "",
        "candidate_details": "Ana has tasted teas for ten years.",
        "evaluations": {},
        "improvements": {},
        "messages": [],
    }
