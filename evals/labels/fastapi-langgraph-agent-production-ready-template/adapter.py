"""The graph as the project's own class builds it, without its database; a search that finds nothing."""

from typing import Any


def prepare() -> None:
    from langchain_community.tools.ddg_search import tool

    tool.DuckDuckGoSearchAPIWrapper.validate_environment = classmethod(lambda cls, values: values)
    tool.DuckDuckGoSearchAPIWrapper.results = lambda self, query, most, source=None: []


async def graph() -> Any:
    from app.core.config import Environment, settings
    from app.core.langgraph.graph import LangGraphAgent
    from app.utils import graph as helpers
    from langchain_core.messages import convert_to_messages

    helpers._trim_messages = lambda messages, **_: convert_to_messages(messages)  # it would fetch a tokenizer
    settings.ENVIRONMENT = Environment.PRODUCTION  # the one that goes on without a database
    settings.LLM_API_KEY = "simulated"
    agent = LangGraphAgent()

    async def no_pool() -> None:
        return None

    agent._get_connection_pool = no_pool
    return await agent.create_graph()
