"""A team as the package's README builds one: a prebuilt agent of each generation under a supervisor."""

from typing import Any

from langchain.agents import create_agent
from langchain_openai import ChatOpenAI
from langgraph.prebuilt import create_react_agent
from langgraph_supervisor import create_supervisor

MATHS = "You are a maths expert. Always use one tool at a time."


def add(a: float, b: float) -> float:
    """Add two numbers."""
    return a + b


def web_search(query: str) -> str:
    """Search the web for information."""
    return "Five firms, each of a hundred thousand people."


def team() -> Any:
    model = ChatOpenAI(model="simulated")
    mathematician = create_react_agent(model, tools=[add], name="math_expert", prompt=MATHS)
    researcher = create_agent(
        model,
        tools=[web_search],
        name="research_expert",
        system_prompt="You are a world class researcher with access to web search. Do no maths.",
    )
    return create_supervisor(
        [researcher, mathematician],
        model=model,
        prompt="You manage a mathematician and a researcher. Use the one the question needs.",
    )
