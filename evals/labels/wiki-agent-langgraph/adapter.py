"""Two of the tools that the project's server of Wikipedia has; settings without their library."""

from typing import Any

from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver


@tool
def search_wikipedia(query: str) -> str:
    """Search Wikipedia for articles matching a query."""
    return "Tea: https://en.wikipedia.org/wiki/Tea"


@tool
def get_summary(title: str) -> str:
    """Get a summary of a Wikipedia article."""
    return "Tea is a drink."


class Settings:
    groq_api_key: str | None = "simulated"


def prepare() -> None:
    import pydantic_settings

    pydantic_settings.BaseSettings = Settings


def graph() -> Any:
    from src.agent.graph import create_graph

    return create_graph([search_wikipedia, get_summary], InMemorySaver())
