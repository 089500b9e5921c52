"""The graph of the customers' server, on the same orders every time."""

import copy
from typing import Any

from langchain_core.messages import HumanMessage

ORDERS: dict[str, Any] = {}


def graph() -> Any:
    from app import fake_db
    from app.graph import graph

    ORDERS.update(copy.deepcopy(fake_db.ORDERS))
    return graph


def inputs() -> dict[str, Any]:
    from app import fake_db

    fake_db.ORDERS.update(copy.deepcopy(ORDERS))
    fake_db.REFUNDS.clear()
    return {"messages": [HumanMessage("Where is my order, and can I send it back?")]}
