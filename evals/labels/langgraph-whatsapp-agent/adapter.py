"""The graph as the project's context manager yields it, with servers of tools that have none."""

from typing import Any, Self

from strangers.standins import Standin


class MultiServerMCPClient(Standin):
    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    def get_tools(self) -> list[Any]:
        return []


def prepare() -> None:
    import langchain_mcp_adapters.client

    langchain_mcp_adapters.client.MultiServerMCPClient = MultiServerMCPClient


async def graph() -> Any:
    from agents.base.graph import build_agent

    return (await build_agent().__aenter__()).compile()
