"""The demo's simulated models: one that sorts, works on and answers tickets, and one that reflects.

No model is behind them. The task model cannot understand English, so in place of understanding it
holds an answer key: what each ticket means (`meaning` in its metadata). It knows nothing of the
reference outputs: it calls the tools and decides by what they return. What a prompt covers (`policy`)
it does nearly always, what a prompt is silent on it mostly gets wrong in the way an eager assistant
would, and rules that go too far it follows too far.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from langgraph_gepa.demo.lessons import Habits, Reading, reflect
from langgraph_gepa.demo.policy import HANDLING, LESSONS, ROUTING, WRITING
from langgraph_gepa.demo.tickets import SPLITS, tickets
from langgraph_gepa.demo.wire import Answer, Request, ToolCall, text_of

HABITS = Habits(notice=0.9, at_most=4)

Record = Mapping[str, Any]

_DESKS = {
    "refund": "returns",
    "damaged": "returns",
    "exchange": "returns",
    "address": "orders",
    "cancel": "orders",
    "status": "orders",
    "stock": "products",
}
_CHANGING = frozenset({"issue_refund", "send_replacement", "change_address", "cancel_order", "hand_to_human"})


def reflector(request: Request, rng: random.Random) -> Answer:
    """Answers a reflection prompt with a new text. It knows only what the feedback teaches."""
    return reflect(request, rng, LESSONS, HABITS)


def support(request: Request, rng: random.Random) -> Answer:
    """Plays every part of the support desk: the agent's requests have tools, the writer's are JSON with notes."""
    if request.tools:
        return _work(request, Reading(request.system, HANDLING, rng))
    if facts := _json(request.user):
        return Answer(_write(request.system, facts, Reading(request.system, WRITING, rng)))
    return Answer(_route(request.user, Reading(request.system, ROUTING, rng)))


@cache
def _meanings() -> Mapping[str, Record]:
    examples = (example for split in SPLITS for example in tickets(split))
    return {example["inputs"]["ticket"]: example["metadata"]["meaning"] for example in examples}


def _meaning(ticket: str) -> Record:
    """The wish behind a ticket, and what it gives of `order`, `product`, `address`, `threat` and `angry`."""
    return _meanings().get(ticket, {"wish": "stock"})


def _route(ticket: str, reading: Reading) -> str:
    meaning = _meaning(ticket)
    wish = meaning["wish"]
    if (meaning.get("threat") and reading.does("threat")) or (meaning.get("angry") and reading.overdoes("threat")):
        return "human"
    if wish in ("damaged", "exchange") and not reading.does(wish):
        return "products"
    if wish == "stock" and "quality" in ticket and reading.overdoes("damaged"):
        return "returns"
    if wish == "stock" and "size" in ticket and reading.overdoes("exchange"):
        return "returns"
    return _DESKS[wish]


def _work(request: Request, reading: Reading) -> Answer:
    task = _json(request.user)
    meaning, results = _meaning(task["ticket"]), _results(request)
    if changed := next((text for name, text in results.items() if name in _CHANGING), None):
        return Answer(f"{'Could not help.' if ' not ' in changed else 'Done.'} {changed}")
    if not results:
        return _look_up(task, meaning, reading)
    known = {name: _json(text) for name, text in results.items()}
    if "check_stock" in known and meaning["wish"] == "stock":
        return Answer(_availability(known["check_stock"]))
    customer = known.get("look_up_customer", {})
    orders = [order for order in customer.get("orders", ()) if order["product"] == meaning.get("product")]
    order = known.get("look_up_order") or (orders[0] if orders else None)
    if not order:
        return Answer("Could not help. The order was not found.")
    if order["customer"] != task["customer"] and reading.does("owner"):
        return Answer("Refused: the order belongs to another customer.")
    return _decide(order, meaning, customer.get("tier"), known.get("check_stock"), reading)


def _look_up(task: Record, meaning: Record, reading: Reading) -> Answer:
    if meaning["wish"] == "stock":
        return _call("check_stock", product=meaning.get("product", "unknown"))
    if "order" in meaning:
        return _call("look_up_order", order=meaning["order"])
    if reading.overdoes("owner") or not reading.does("find"):
        return Answer("Asked the customer for the order number.")
    return _call("look_up_customer", customer=task["customer"])


def _decide(order: Record, meaning: Record, tier: str | None, stock: Record | None, reading: Reading) -> Answer:
    match meaning["wish"]:
        case "refund":
            return _refund(order, tier, reading)
        case "damaged" if stock is None and reading.does("replacement"):
            return _call("check_stock", product=order["product"])
        case "damaged":
            return _replace(order, order["product"]) if stock and stock["stock"] else _pay_back(order, reading)
        case "exchange":
            return _replace(order, meaning["product"])
        case "status":
            return Answer(f"Nothing to change. Status of order {order['number']}: {order['status']}.")
    if reading.overdoes("shipped") or (order["status"] != "processing" and reading.does("shipped")):
        return Answer("Refused: the order has already shipped.")
    if meaning["wish"] == "cancel":
        return _call("cancel_order", order=order["number"])
    return _call("change_address", order=order["number"], address=meaning["address"])


def _refund(order: Record, tier: str | None, reading: Reading) -> Answer:
    """Refunds or refuses. `tier` is the customer's once it has been looked up."""
    days = order["days_since_delivery"] or 0
    if tier is None:
        if reading.overdoes("replacement"):
            return _replace(order, order["product"])
        if reading.overdoes("window"):
            return Answer("Refused: the time for refunds is over.")
        if days <= 30 or not reading.does("window"):
            return _pay_back(order, reading)
        if reading.does("gold") or reading.overdoes("gold"):
            return _call("look_up_customer", customer=order["customer"])
    if tier == "gold" and reading.overdoes("gold"):
        return _pay_back(order, reading)
    limit = 60 if tier == "gold" else 30
    if days > limit:
        return Answer(f"Refused: delivered {days} days ago, and refunds end after {limit} days.")
    return _pay_back(order, reading)


def _pay_back(order: Record, reading: Reading) -> Answer:
    if reading.overdoes("limit") or (order["price"] > 200 and reading.does("limit")):
        return _call("hand_to_human", reason=f"refund of {order['price']:.2f} euros")
    return _call("issue_refund", order=order["number"], amount=order["price"])


def _replace(order: Record, product: str) -> Answer:
    return _call("send_replacement", order=order["number"], product=product)


def _availability(stock: Record) -> str:
    if not stock:
        return "Could not help. There is no such product."
    state = f"in stock, at €{stock['price']:.2f}" if stock["stock"] else "out of stock"
    return f"Nothing to change. The {stock['name']} is {state}."


def _call(tool: str, **arguments: Any) -> Answer:
    return Answer("", (ToolCall(tool, arguments),))


def _results(request: Request) -> dict[str, str]:
    """What the tools have returned so far, by their names."""
    names = {call["id"]: call["function"]["name"] for m in request.messages for call in m.get("tool_calls") or ()}
    return {names[m["tool_call_id"]]: text_of(m) for m in request.messages if m["role"] == "tool"}


def _json(text: str) -> dict[str, Any]:
    """The JSON object in `text`, or an empty one: tools also return errors in words."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


_REPLIES = {
    r"Refunded (?P<amount>[\d.]+\d)": "we have refunded {amount} for your order.",
    r"Refused": "unfortunately we cannot do what you asked for.",
    r"on its way: (?P<product>[\w ]+)": "we are sending you the {product} in return.",
    r"now goes to": "your order now goes to the new address.",
    r"is cancelled": "your order has been cancelled.",
    r"colleague": "a colleague will look into this in person and get in touch with you.",
    r"Status of order": "your parcel is with us or the carrier; we are following it up.",
    r"The (?P<stock>.+ stock.*)\.": "the {stock}.",
    r"Asked the customer": "could you tell us the number of your order?",
    r"": "we have received your message, but could not help right away.",
}
"""Patterns of the agent's notes, and what the customer is to read. The first that is found counts."""
_REASONS = {
    r"after 30 days": "The reason: refunds end 30 days after delivery.",
    r"after 60 days": "The reason: for gold customers refunds end 60 days after delivery.",
    r"shipped": "The reason: the order has already shipped.",
    r"another": "The reason: the order belongs to another customer.",
}
_UNCERTAIN = r"on its way|now goes to|Status of order|out of stock"


def _write(prompt: str, facts: Record, reading: Reading) -> str:
    meaning, notes = _meaning(facts["ticket"]), facts["notes"]
    at_fault = meaning.get("threat") or meaning["wish"] in ("damaged", "status")
    body = []
    if (at_fault and reading.does("apology")) or reading.overdoes("apology"):
        body.append("we are sorry about what happened.")
    found, reply = next((match, reply) for words, reply in _REPLIES.items() if (match := re.search(words, notes)))
    values = found.groupdict()
    if "amount" in values:
        values["amount"] = f"€{values['amount']}" if reading.does("amount") else str(round(float(values["amount"])))
    body.append(reply.format(**values))
    reason = next((reason for words, reason in _REASONS.items() if re.search(words, notes)), None)
    if "Refused" in notes and reason and reading.does("reason"):
        body.append("The time is over." if "days" in reason and reading.overdoes("promise") else reason)
    if re.search(_UNCERTAIN, notes) and not reading.does("promise"):
        body.append("You will have it by Friday.")
    name = re.search(r"\bto ([A-Z]\w+)", prompt)
    closing = "The Tern Outdoor team" if reading.does("sign-off") else "Best regards"
    return "\n".join((f"Hello {name[1]}," if name else "Hello,", " ".join(body), closing))
