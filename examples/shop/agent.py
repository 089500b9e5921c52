from typing import TypedDict

from langchain.agents import create_agent
from langchain_openai import ChatOpenAI
from langgraph.graph import START, StateGraph

WRITER = "Write the reply to the customer from these notes."
ORDERS = {
    "1042": "shipped on 3 May",
    "1043": "waiting for payment",
    "1044": "lost by the carrier",
}


def order_status(order: str) -> str:
    """Looks up an order."""
    return ORDERS.get(order, "unknown")


class Desk(TypedDict, total=False):
    question: str
    notes: str
    reply: str


model = ChatOpenAI(model="gpt-5-mini")
agent = create_agent(
    model,
    tools=[order_status],
    system_prompt="Find out what the customer needs to know.",
)


def research(state: Desk) -> Desk:
    found = agent.invoke({"messages": [("user", state["question"])]})
    return {"notes": found["messages"][-1].text}


def write(state: Desk) -> Desk:
    facts = f"Question: {state['question']}\nNotes: {state['notes']}"
    return {"reply": model.invoke([("system", WRITER), ("user", facts)]).text}


desk = StateGraph(Desk).add_sequence([research, write]).add_edge(START, "research")
graph = desk.compile()
