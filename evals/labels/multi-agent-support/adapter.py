"""The system's graph, with documents of one page and the search that needs no network."""

import os
from typing import Any

from strangers.standins import Standin


def prepare() -> None:
    os.environ |= {"AWS_ACCESS_KEY_ID": "simulated", "AWS_SECRET_ACCESS_KEY": "simulated", "AWS_REGION": "us-east-1"}
    from hierarchical_multi_agent_support import tools

    async def found(self: Any, query: str, domain: str = "finance") -> Any:
        return tools.ToolResult(success=True, data=f"A page on {domain}.", metadata={"sources": ["a.md"]})

    tools.RAGDocumentSearch = Standin
    tools.RAGSearchTool.execute = found
    tools.WebSearchTool._duckduckgo_search = tools.WebSearchTool._simple_web_search


def graph() -> Any:
    from hierarchical_multi_agent_support.system import MultiAgentSupportSystem

    return MultiAgentSupportSystem().orchestrator.workflow
