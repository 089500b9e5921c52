"""The two graphs; a model that answers in parts, as the larger one does; a database of one row, with no clock."""

import types
from typing import Any

import langchain_google_genai

Simulated = langchain_google_genai.ChatGoogleGenerativeAI


class InParts(Simulated):
    def _create_chat_result(self, *given: Any, **more: Any) -> Any:
        result = super()._create_chat_result(*given, **more)
        for made in result.generations:
            if made.message.content:
                made.message.content = [{"type": "text", "text": made.message.content}]
        return result


InParts.__module__ = Simulated.__module__


def prepare() -> None:
    langchain_google_genai.ChatGoogleGenerativeAI = lambda model, **given: (
        InParts(**given) if "pro" in model else Simulated(**given)
    )
    from agents.profiles.query_agent import tools

    tools.time = types.SimpleNamespace(time=lambda: 0.0)
    tools.db.execute_query = lambda *_: [{"policies": 1}]


def as_tool() -> Any:
    from agents.graph1 import graph

    return graph


def routed() -> Any:
    from agents.graph import graph

    return graph
