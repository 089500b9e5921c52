"""A stand-in for the task manager's server, which gives one tool."""

from typing import Self

from langchain_core.tools import BaseTool, tool
from strangers.standins import Standin


@tool
def create_task(name: str) -> str:
    """Write a new task into the list."""
    return f"Task {name}"


class MultiServerMCPClient(Standin):
    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    def get_tools(self) -> list[BaseTool]:
        return [create_task]


def prepare() -> None:
    import langchain_mcp_adapters.client as client

    client.MultiServerMCPClient = MultiServerMCPClient
