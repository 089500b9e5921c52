"""The demo's graph: the support desk of a small outdoor shop, written as its owner would have.

A router sends each ticket to a desk; the desk's agent works on it with tools over the shop's
database; a writer answers the customer. The prompts are first drafts: that is the point.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import partial
from typing import Any, TypedDict

from langchain.agents import create_agent
from langchain.tools import ToolRuntime, tool
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from pydantic import SecretStr

from langgraph_gepa.demo.shop import Shop, ShopError, open_shop

ROUTER_PROMPT = (
    "You sort the tickets of Tern Outdoor, a web shop. Answer with one word: orders, returns, products or human."
)

AGENT_PROMPT = (
    "You are a support agent of Tern Outdoor. Solve the customer's problem with your tools, then report what you did."
)

WRITER_PROMPT = (
    "You answer the tickets of Tern Outdoor. From the agent's notes, write a short and friendly reply to {name}."
)

DESKS = {
    "orders": {"change_address", "cancel_order"},
    "returns": {"issue_refund", "send_replacement"},
    "products": set[str](),
}
"""What each desk may change. All of them may look things up and hand over to a human."""


class Ticket(TypedDict, total=False):
    ticket: str
    customer: str
    name: str
    desk: str
    notes: str
    changes: list[dict[str, str]]
    reply: str


@dataclass(frozen=True, slots=True)
class Desk:
    """What the tools work with: the desk's name, and the shop as it stands for this ticket."""

    name: str
    shop: Shop

    def may(self, action: str) -> None:
        if action not in DESKS[self.name]:
            raise ShopError(f"The {self.name} desk is not allowed to {action.replace('_', ' ')}.")


@tool
def look_up_order(order: str, runtime: ToolRuntime[Desk]) -> str:
    """Look up an order by its number: customer, product, price, status, delivery date and address."""
    return json.dumps(runtime.context.shop.order(order))


@tool
def look_up_customer(customer: str, runtime: ToolRuntime[Desk]) -> str:
    """Look up a customer by number: name, tier (standard or gold) and all orders."""
    return json.dumps(runtime.context.shop.customer(customer))


@tool
def check_stock(product: str, runtime: ToolRuntime[Desk]) -> str:
    """Check price and stock of a product by its exact name."""
    return json.dumps(runtime.context.shop.stock(product))


@tool
def issue_refund(order: str, amount: float, runtime: ToolRuntime[Desk]) -> str:
    """Refund an amount in euros on an order."""
    runtime.context.may("issue_refund")
    runtime.context.shop.refund(order, amount)
    return f"Refunded {amount:.2f} on order {order}."


@tool
def send_replacement(order: str, product: str, runtime: ToolRuntime[Desk]) -> str:
    """Send a product in place of the one in an order."""
    runtime.context.may("send_replacement")
    runtime.context.shop.replace(order, product)
    return f"Replacement for order {order} on its way: {product}."


@tool
def change_address(order: str, address: str, runtime: ToolRuntime[Desk]) -> str:
    """Change the delivery address of an order."""
    runtime.context.may("change_address")
    runtime.context.shop.readdress(order, address)
    return f"Order {order} now goes to {address}."


@tool
def cancel_order(order: str, runtime: ToolRuntime[Desk]) -> str:
    """Cancel an order."""
    runtime.context.may("cancel_order")
    runtime.context.shop.cancel(order)
    return f"Order {order} is cancelled."


@tool
def hand_to_human(reason: str, runtime: ToolRuntime[Desk]) -> str:
    """Hand the ticket to a human colleague."""
    runtime.context.shop.escalate(reason)
    return "A colleague will take over."


TOOLS = [
    look_up_order,
    look_up_customer,
    check_stock,
    issue_refund,
    send_replacement,
    change_address,
    cancel_order,
    hand_to_human,
]
for each in TOOLS:
    each.handle_tool_error = True  # the agent reads what a ShopError says


def route(model: BaseChatModel, state: Ticket) -> str:
    """The desk that the ticket goes to; a colleague takes what the router cannot place."""
    reply = model.invoke([SystemMessage(ROUTER_PROMPT), HumanMessage(state["ticket"])])
    desk = reply.text.strip().strip(".").lower()
    return desk if desk in DESKS else "human"


def work(agent: CompiledStateGraph[Any, Any, Any, Any], desk: str, state: Ticket) -> Ticket:
    """One desk's work on the ticket, in a shop of its own."""
    task = json.dumps({"customer": state["customer"], "ticket": state["ticket"]}, ensure_ascii=False)
    with open_shop() as shop:
        result = agent.invoke({"messages": [HumanMessage(task)]}, context=Desk(desk, shop))
        return {"desk": desk, "notes": result["messages"][-1].text, "changes": shop.changes}


def hand_over(state: Ticket) -> Ticket:
    """The human desk: a colleague will answer."""
    with open_shop() as shop:
        shop.escalate(state["ticket"])
        return {
            "desk": "human",
            "notes": "Handed to a human colleague, who will get in touch.",
            "changes": shop.changes,
        }


def write(model: BaseChatModel, state: Ticket) -> Ticket:
    """The reply that the customer gets."""
    facts = json.dumps({"ticket": state["ticket"], "notes": state["notes"]}, ensure_ascii=False)
    prompt = WRITER_PROMPT.format(name=state["name"])
    return {"reply": model.invoke([SystemMessage(prompt), HumanMessage(facts)]).text}


def build(model: BaseChatModel) -> CompiledStateGraph[Any, Any, Any, Any]:
    """The support desk on any chat model that can call tools.

    It takes `ticket` (the customer's words), `customer` (number) and `name`, and adds the `desk`, the
    agent's `notes`, the `changes` made in the shop, and the `reply`.
    """
    agent = create_agent(model, TOOLS, system_prompt=AGENT_PROMPT, context_schema=Desk, name="agent")
    builder = StateGraph(Ticket)
    for desk in DESKS:
        builder.add_node(desk, partial(work, agent, desk))
        builder.add_edge(desk, "write")
    builder.add_node("human", hand_over)
    builder.add_edge("human", "write")
    builder.add_node("write", partial(write, model))
    builder.add_conditional_edges(START, partial(route, model), [*DESKS, "human"])
    builder.add_edge("write", END)
    return builder.compile(name="helpdesk")


graph = build(
    ChatOpenAI(
        model=os.environ.get("OPENAI_MODEL", "gpt-5-mini"),
        api_key=SecretStr(os.environ.get("OPENAI_API_KEY", "not set")),  # the graph can be looked at without a key
    )
)
