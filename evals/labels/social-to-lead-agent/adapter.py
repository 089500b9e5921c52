"""A logger; messages as the project's own loop hands them over: objects in a state without a reducer."""

from typing import Any

from langchain_core.messages import HumanMessage
from strangers.standins import Standin


def prepare() -> None:
    import loguru

    loguru.logger = Standin()


def inquiry() -> dict[str, Any]:
    return _state("How does the Pro plan work?")


def lead() -> dict[str, Any]:
    return _state("I want to buy the Pro plan, write to ana@example.org")


def _state(said: str) -> dict[str, Any]:
    return {"session_id": "1", "messages": [HumanMessage(said)], "user_details": {}, "lead_captured": False}
