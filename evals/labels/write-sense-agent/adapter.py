"""A tool server in this process: the project's own server file, asked for its tools and called."""

import importlib.util
from typing import Any

from langchain_core.tools import BaseTool, StructuredTool
from strangers.standins import Standin


class Kept(Standin):
    def __init__(self, **given: Any) -> None:
        self.__dict__.update(given)


class Opened(Standin):
    """What is opened on the way to a server, and keeps what it was opened with."""

    def __init__(self, *given: Any, **_: Any) -> None:
        self.given = given

    async def __aenter__(self) -> Any:
        return (self.given[0], None) if len(self.given) == 1 else self

    async def __aexit__(self, *_: object) -> None:
        return

    async def initialize(self) -> None:
        return


class TavilySearch(BaseTool):
    name: str = "tavily_web"
    description: str = "Look something up on the web."

    def _run(self, query: str) -> str:
        return "A page."


async def load_mcp_tools(session: Opened) -> list[BaseTool]:
    spec = importlib.util.spec_from_file_location("the_server", session.given[0].args[0])
    assert spec is not None
    assert spec.loader is not None
    server = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(server)
    return [_tool(server, told) for told in await server.handle_list_tools()]


def _tool(server: Any, told: Any) -> BaseTool:
    async def call(**given: Any) -> str:
        return "\n".join(part.text for part in await server.handle_call_tool(told.name, given))

    return StructuredTool(name=told.name, description=told.description, args_schema=told.inputSchema, coroutine=call)


def prepare() -> None:
    import langchain_mcp_adapters.tools as adapters
    import langchain_tavily
    import mcp
    import mcp.client.stdio as stdio
    import mcp.types as types

    adapters.load_mcp_tools = load_mcp_tools
    langchain_tavily.TavilySearch = TavilySearch
    mcp.StdioServerParameters = types.Tool = types.TextContent = Kept
    mcp.ClientSession = stdio.stdio_client = Opened
