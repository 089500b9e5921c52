"""An agent that looks its tools up, as the package's README builds one."""

from typing import Any

from langchain_core.tools import tool
from langchain_openai import ChatOpenAI


@tool
def add(a: float, b: float) -> float:
    """Add two numbers to each other."""
    return a + b


@tool
def power(base: float, exponent: float) -> float:
    """Raise a number to the power of another."""
    return base**exponent


def graph() -> Any:
    from langgraph_bigtool import create_agent

    return create_agent(ChatOpenAI(model="simulated"), {"add": add, "power": power})


async def seed(store: Any) -> None:
    for name, each in (("add", add), ("power", power)):
        await store.aput(("tools",), name, {"description": each.description})
