"""The demo's simulated task model: it sorts, works on and answers tickets as its prompts tell it, or fails to.

No model is behind it. What a prompt covers (`policy`) it does nearly always, what a prompt is
silent on it mostly gets wrong in the way an eager assistant would, and rules that go too far it
follows too far. It knows nothing of the reference outputs: it reads the ticket, calls the tools and
decides by what they return.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from typing import Any

from langgraph_gepa.demo.comprehension import Meaning, understand
from langgraph_gepa.demo.lessons import Reading
from langgraph_gepa.demo.phrases import PHRASES
from langgraph_gepa.demo.policy import HANDLING, ROUTING, WRITING
from langgraph_gepa.demo.wire import Answer, Request, ToolCall, text_of

_HOME = {
    "refund": "returns",
    "damaged": "returns",
    "exchange": "returns",
    "address": "orders",
    "cancel": "orders",
    "status": "orders",
    "stock": "products",
}
_ALTERING = frozenset({"issue_refund", "send_replacement", "change_address", "cancel_order", "hand_to_human"})


def support(request: Request, rng: random.Random) -> Answer:
    """Plays whichever part of the support desk it is asked to: the agent has tools, the writer has notes."""
    if request.tools:
        return _work(request, Reading(request.system, HANDLING, rng))
    facts = _json(request.user)
    if "notes" in facts:
        return Answer(_write(request.system, facts, Reading(request.system, WRITING, rng)))
    return Answer(_route(request, Reading(request.system, ROUTING, rng)))


def _route(request: Request, reading: Reading) -> str:
    meaning = understand(request.user)
    desk = _desk(meaning, request.user, reading)
    brief = re.search(r"one word|single word|only|nothing else", request.system, re.IGNORECASE)
    return desk if brief else f"This one is for {desk}."


def _desk(meaning: Meaning, ticket: str, reading: Reading) -> str:
    if meaning.threat and reading.does("threat"):
        return "human"
    if meaning.angry and reading.overdoes("threat"):
        return "human"
    if meaning.wish in ("damaged", "exchange") and not reading.does(meaning.wish):
        return "products"
    if meaning.wish == "stock":
        too_far = ("quality" in ticket and reading.overdoes("damaged")) or (
            "size" in ticket and reading.overdoes("exchange")
        )
        return "returns" if too_far else "products"
    return _HOME[meaning.wish]


def _work(request: Request, reading: Reading) -> Answer:
    task = _json(text_of(next(m for m in request.messages if m["role"] == "user")))
    meaning = understand(task["ticket"])
    results = _results(request)
    altered = [said for name, said in results if name in _ALTERING]
    if altered:
        return Answer(f"Done. {altered[-1]}" if " not " not in altered[-1] else f"Could not help. {altered[-1]}")
    known = {name: _json(said) for name, said in results}
    if not results:
        return _look_up(task, meaning, reading)
    if meaning.wish == "stock":
        return Answer(_availability(known["check_stock"]))
    order = known.get("look_up_order") or _best_order(known["look_up_customer"], meaning)
    if not order:
        return Answer("Could not help. The order was not found.")
    if order["customer"] != task["customer"] and reading.does("owner"):
        return Answer("Refused: the order belongs to another customer.")
    return _decide(order, known, meaning, reading)


def _look_up(task: Mapping[str, Any], meaning: Meaning, reading: Reading) -> Answer:
    if meaning.wish == "stock" and meaning.product:
        return Answer("", (ToolCall("check_stock", {"product": meaning.product}),))
    if meaning.order:
        return Answer("", (ToolCall("look_up_order", {"order": meaning.order}),))
    if reading.overdoes("owner") or not reading.does("find"):
        return Answer("Asked the customer for the order number.")
    return Answer("", (ToolCall("look_up_customer", {"customer": task["customer"]}),))


def _decide(order: Mapping[str, Any], known: Mapping[str, Any], meaning: Meaning, reading: Reading) -> Answer:
    match meaning.wish:
        case "refund":
            return _refund(order, known, reading)
        case "damaged":
            return _mend(order, known, reading)
        case "exchange":
            return _call("send_replacement", order, product=meaning.product or order["product"])
        case "address" | "cancel":
            return _alter(order, meaning, reading)
        case _:
            return Answer(f"Nothing to alter. Status of order {order['number']}: {order['status']}.")


def _refund(order: Mapping[str, Any], known: Mapping[str, Any], reading: Reading) -> Answer:
    customer = known.get("look_up_customer")
    days = order["days_since_delivery"] or 0
    if customer is None or "look_up_order" not in known:  # nothing is decided yet
        if reading.overdoes("replacement"):
            return _call("send_replacement", order, product=order["product"])
        if reading.overdoes("window"):
            return Answer("Refused: the time for refunds is over.")
        if days <= 30 or not reading.does("window"):
            return _pay_back(order, reading)
        if not (reading.does("gold") or reading.overdoes("gold")):
            return _too_late(days, 30)
        if customer is None:
            return Answer("", (ToolCall("look_up_customer", {"customer": order["customer"]}),))
    gold = customer["tier"] == "gold"
    if gold and reading.overdoes("gold"):
        return _call("issue_refund", order, amount=order["price"])
    limit = 60 if gold else 30
    return _too_late(days, limit) if days > limit else _pay_back(order, reading)


def _too_late(days: int, limit: int) -> Answer:
    return Answer(f"Refused: delivered {days} days ago, and refunds end after {limit} days.")


def _mend(order: Mapping[str, Any], known: Mapping[str, Any], reading: Reading) -> Answer:
    stock = known.get("check_stock")
    if stock is not None:
        return (
            _call("send_replacement", order, product=order["product"]) if stock["stock"] else _pay_back(order, reading)
        )
    if reading.does("replacement"):
        return Answer("", (ToolCall("check_stock", {"product": order["product"]}),))
    return _pay_back(order, reading)


def _pay_back(order: Mapping[str, Any], reading: Reading) -> Answer:
    if reading.overdoes("limit") or (order["price"] > 200 and reading.does("limit")):
        return Answer("", (ToolCall("hand_to_human", {"reason": f"refund of {order['price']:.2f} euros"}),))
    return _call("issue_refund", order, amount=order["price"])


def _alter(order: Mapping[str, Any], meaning: Meaning, reading: Reading) -> Answer:
    if reading.overdoes("shipped") or (order["status"] != "processing" and reading.does("shipped")):
        return Answer("Refused: the order has already shipped.")
    if meaning.wish == "cancel":
        return _call("cancel_order", order)
    return _call("change_address", order, address=meaning.address or "unknown")


def _call(tool: str, order: Mapping[str, Any], **arguments: Any) -> Answer:
    return Answer("", (ToolCall(tool, {"order": order["number"], **arguments}),))


def _best_order(customer: Mapping[str, Any], meaning: Meaning) -> Mapping[str, Any]:
    orders: list[Mapping[str, Any]] = customer.get("orders", [])
    fitting = [o for o in orders if meaning.product and o["product"].startswith(meaning.product)]
    return (fitting or orders or [{}])[-1]


def _availability(stock: Mapping[str, Any]) -> str:
    if not stock:
        return "Could not help. There is no such product."
    state = "in stock" if stock["stock"] else "out of stock"
    return f"Nothing to alter. {stock['name']}: {state}, {stock['price']:.2f}."


def _results(request: Request) -> list[tuple[str, str]]:
    """What the tools have said so far: (tool, its answer)."""
    asked = {c["id"]: c["function"]["name"] for m in request.messages for c in m.get("tool_calls") or ()}
    return [(asked[m["tool_call_id"]], text_of(m)) for m in request.messages if m["role"] == "tool"]


def _json(text: str) -> dict[str, Any]:
    """The JSON object in `text`, or an empty one: a tool may have said that there is no such thing."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


_OUTCOMES = {
    r"Refunded (?P<amount>[\d.]+)": "refunded",
    r"Refused": "refused",
    r"on its way: (?P<product>[\w ]+)": "replaced",
    r"now goes to": "readdressed",
    r"is cancelled": "cancelled",
    r"colleague": "handed",
    r"Status of order": "status",
    r"(?P<product>[A-Z][\w ]+): out of stock": "out of stock",
    r"(?P<product>[A-Z][\w ]+): in stock, (?P<price>[\d.]+\d)": "in stock",
    r"Asked the customer": "ask",
}
_REASONS = {
    r"after 30 days": "30 days",
    r"after 60 days": "60 days",
    r"shipped": "shipped",
    r"another": "another customer",
}
_UNCERTAIN = frozenset({"replaced", "readdressed", "status", "out of stock"})


def _write(prompt: str, facts: Mapping[str, Any], reading: Reading) -> str:
    meaning = understand(facts["ticket"])
    outcome, values = _outcome(facts["notes"])
    foreign = meaning.language != "en" and reading.does("language")
    say = PHRASES[meaning.language if foreign else "en"]
    name = re.search(r"\bto ([A-Z]\w+)", prompt)
    body = []
    at_fault = meaning.threat or meaning.wish in ("damaged", "status")
    if (at_fault and reading.does("apology")) or reading.overdoes("apology"):
        body.append(say["sorry"])
    if "amount" in values:
        values["amount"] = f"€{values['amount']}" if reading.does("amount") else str(round(float(values["amount"])))
    body.append(say[outcome].format(**values))
    reason = next((key for words, key in _REASONS.items() if re.search(words, facts["notes"])), None)
    if outcome == "refused" and reason and reading.does("reason"):
        body.append(say["days" if "days" in reason and reading.overdoes("promise") else reason])
    if outcome in _UNCERTAIN and not reading.does("promise"):
        body.append(say["promise"])
    closing = "The Tern Outdoor team" if reading.does("sign-off") else say["closing"]
    return "\n".join((say["greeting"].format(name=f" {name[1]}" if name else ""), " ".join(body), closing))


def _outcome(notes: str) -> tuple[str, dict[str, str]]:
    for words, outcome in _OUTCOMES.items():
        found = re.search(words, notes)
        if found:
            return outcome, found.groupdict()
    return "failed", {}
