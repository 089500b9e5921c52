"""The graph as the project's main builds it, a search that finds one page."""

import os
from typing import Any

from langchain_openai import ChatOpenAI


def prepare() -> None:
    from langchain_community.utilities import GoogleSerperAPIWrapper

    os.environ["SERPER_API_KEY"] = "simulated"
    GoogleSerperAPIWrapper.run = lambda self, query, **_: "A page."


def graph() -> Any:
    from src.chains.formatter import make_formatter_chain
    from src.chains.responder import make_responder_chain
    from src.chains.reviewer import make_reviewer_chain
    from src.graph.graph import Graph

    llm = ChatOpenAI(model="gpt-4.1-mini")
    return Graph(make_responder_chain(llm), make_reviewer_chain(llm), make_formatter_chain(llm)).compile()
