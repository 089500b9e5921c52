"""The demo's shop: orders, customers and stock in SQLite, one private in-memory database for each opening."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any

from langchain_core.tools import ToolException

TODAY = "2026-03-16"
"""The day on which all tickets arrive."""


class ShopError(ToolException):
    """The shop cannot do what was asked; the message is for the agent."""


class Shop:
    """The shop's records and what can be done with them. Amounts are euros.

    Every operation that changes something is also noted in `changes`, in order. Several threads may
    use it at once, as an agent calls its tools.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def order(self, number: str) -> dict[str, Any]:
        found = self._rows(_ORDERS + "where orders.number = ?", TODAY, number.strip().upper())
        if not found:
            raise ShopError(f"There is no order {number}.")
        return found[0]

    def customer(self, number: str) -> dict[str, Any]:
        found = self._rows("select number, name, tier from customers where number = ?", number)
        if not found:
            raise ShopError(f"There is no customer {number}.")
        orders = self._rows(_ORDERS + "where orders.customer = ? order by orders.number", TODAY, number)
        return {**found[0], "orders": orders}

    def stock(self, product: str) -> dict[str, Any]:
        found = self._rows("select name, price, stock from products where lower(name) = lower(?)", product.strip())
        if not found:
            raise ShopError(f"There is no product {product!r}.")
        return found[0]

    def refund(self, order: str, amount: float) -> None:
        if not 0 < amount <= self.order(order)["price"]:
            raise ShopError("A refund must be more than nothing and at most the order's price.")
        self._change("refund", order, f"{amount:.2f}")

    def replace(self, order: str, product: str) -> None:
        self.order(order)
        if not self.stock(product)["stock"]:
            raise ShopError(f"{product} is out of stock.")
        self._change("replace", order, product, "update products set stock = stock - 1 where name = ?", product)

    def readdress(self, order: str, address: str) -> None:
        self.order(order)
        self._change("readdress", order, address, "update orders set address = ? where number = ?", address, order)

    def cancel(self, order: str) -> None:
        self.order(order)
        self._change("cancel", order, "", "update orders set status = 'cancelled' where number = ?", order)

    def escalate(self, reason: str) -> None:
        self._change("escalate", "", reason)

    @property
    def changes(self) -> list[dict[str, str]]:
        """The changes since the shop was opened: `action`, `order` and `detail` of each."""
        return self._rows("select action, order_number as 'order', detail from changes order by id")

    def _rows(self, query: str, *values: str) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(row) for row in self._connection.execute(query, values)]

    def _change(self, action: str, order: str, detail: str, update: str = "", *values: str) -> None:
        with self._lock, self._connection:
            if update:
                self._connection.execute(update, values)
            note = "insert into changes (action, order_number, detail) values (?, ?, ?)"
            self._connection.execute(note, (action, order, detail))


_ORDERS = """
select orders.number, customer, product, price, status, delivered_on, address,
       cast(julianday(?) - julianday(delivered_on) as integer) as days_since_delivery
from orders join products on products.name = orders.product
"""


@contextmanager
def open_shop() -> Iterator[Shop]:
    """A private shop: a fresh in-memory database, closed at the end."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.row_factory = sqlite3.Row
    try:
        connection.executescript(_records())
        yield Shop(connection)
    finally:
        connection.close()


@cache
def _records() -> str:
    return files("langgraph_gepa.demo").joinpath("shop.sql").read_text(encoding="utf-8")
