"""A travel desk as the package's README builds one: two agents that hand over to each other."""

from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import SystemMessage
from langchain_openai import ChatOpenAI

FLIGHTS = "You book flights between any two cities. Ask for the date when it is not given."


def find_flight(origin: str, destination: str) -> str:
    """Find flights between two cities."""
    return "One at noon."


def find_hotel(city: str) -> str:
    """Find hotels in a city."""
    return "One at the harbour."


def graph() -> Any:
    from langgraph_swarm import create_handoff_tool, create_swarm

    model = ChatOpenAI(model="simulated")
    to_hotels = create_handoff_tool(
        agent_name="hotels", description="Hand over to the hotel desk for anything about rooms."
    )
    flights = create_agent(model, [find_flight, to_hotels], system_prompt=FLIGHTS, name="flights")
    hotels = create_agent(
        model,
        [find_hotel, create_handoff_tool(agent_name="flights")],
        system_prompt=SystemMessage("You book hotels in any city. Name the price of a night."),
        name="hotels",
    )
    return create_swarm([flights, hotels], default_active_agent="flights")
