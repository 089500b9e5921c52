"""A code-writing agent as the package's README builds one."""

from typing import Any

from langchain_openai import ChatOpenAI


def area(width: float, height: float) -> float:
    """The area of a rectangle."""
    return width * height


def evaluate(code: str, names: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return "12", {}


def graph() -> Any:
    from langgraph_codeact import create_codeact

    return create_codeact(ChatOpenAI(model="simulated"), [area], evaluate)
