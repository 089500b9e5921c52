"""What tools do is read from their code: a harmful name on harmless code is no reason to warn."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.tools import BaseTool, StructuredTool, Tool, tool
from langgraph.graph import START, MessagesState, StateGraph

from langgraph_gepa.adapter.tools.side_effects import side_effects

BOOKED: dict[str, int] = {}
NOTES: list[str] = []


class Desk:
    def __init__(self) -> None:
        self.client = httpx

    def create_ticket(self, text: str) -> Any:
        return self.client.post("http://desk", json={"text": text})

    def ticket(self, number: str) -> Any:
        return self.client.get(f"http://desk/{number}")


class Shell:
    def run(self, command: str) -> str:
        return os.popen(command).read()  # noqa: S605 - never called


desk, shell = Desk(), Shell()
other_agent = StateGraph(MessagesState).add_node("n", lambda _: {}).add_edge(START, "n").compile()


def remove_later(path: str) -> None:
    Path(path).unlink()


def bash(command: str) -> str:
    return subprocess.run(command, shell=True, capture_output=True, text=True, check=False).stdout  # noqa: S602


def python(code: str) -> str:
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - never called
    return str(names)


def by_import(address: str) -> str:
    import requests

    return requests.post(address, timeout=1).text


def by_method(command: str) -> str:
    return shell.run(command)


def by_helper(path: str) -> str:
    remove_later(path)
    return "gone"


def file_written(text: str) -> str:
    with open("notes.txt", "a") as file:  # noqa: PTH123
        file.write(text)
    return text


def row_changed(name: str) -> str:
    with sqlite3.connect("shop.db") as shop:
        shop.execute("UPDATE customers SET tier = 1 WHERE name = ?", (name,))
    return name


def any_statement(sql: str) -> str:
    return str(sqlite3.connect("shop.db").cursor().execute(sql).fetchall())


def ticket_opened(text: str) -> str:
    return str(desk.create_ticket(text))


async def sent(text: str) -> str:
    async with httpx.AsyncClient() as client:
        return (await client.post("http://desk", json={"text": text})).text


ACTING = [bash, python, by_import, by_method, by_helper, file_written, row_changed, any_statement, ticket_opened, sent]


def add(a: int, b: int) -> int:
    return a + b


def refund(order: str) -> str:
    return f"{order} is refunded"


def delegate(task: str) -> str:
    return str(other_agent.invoke({"messages": [("user", task)]})["messages"][-1].content)


def file_read(name: str) -> str:
    with open(name) as file:  # noqa: PTH123
        lines: list[str] = []
        for line in file:
            lines.append(line.strip())  # noqa: PERF401
    return ", ".join(sorted(lines))


HARMLESS = [add, refund, delegate]


def made(function: Callable[..., Any]) -> BaseTool:
    return tool(description="What it does is to be read.")(function)


@pytest.mark.parametrize("function", ACTING, ids=lambda function: function.__name__)
def test_code_that_acts_is_known(function: Callable[..., Any]) -> None:
    """Processes, code, files, requests and statements, in the tool itself or in what it calls."""
    assert side_effects(made(function)).action


@pytest.mark.parametrize("function", HARMLESS, ids=lambda function: function.__name__)
def test_code_that_touches_nothing_is_harmless_whatever_its_name(function: Callable[..., Any]) -> None:
    """Arithmetic, a canned answer, and another agent, whose tools are judged themselves."""
    assert side_effects(made(function)).none


def test_reading_does_not_act() -> None:
    """Files and pages that are read, and statements that select, are no reason to warn."""

    def row(name: str) -> str:
        with sqlite3.connect("shop.db") as shop:
            return str(shop.execute("SELECT * FROM customers WHERE name = ?", (name,)).fetchall())

    def page(address: str) -> str:
        return httpx.get(address).text + str(desk.ticket(address))

    assert not any(side_effects(made(function)).action for function in (file_read, row, page))


def booked(name: str) -> str:
    BOOKED[name] = 1
    return name


def noted(text: str) -> str:
    NOTES.append(text)
    return text


@pytest.mark.parametrize(
    "function",
    [booked, noted],
)
def test_what_outlives_the_call_leaves_it_to_the_words(function: Callable[..., Any]) -> None:
    """A list of the process may be a log or the shop's only book."""
    found = side_effects(StructuredTool.from_function(function, name="keep", description="Keep it."))
    assert not found.action
    assert not found.none


def test_every_kind_of_tool_is_read() -> None:
    """Classes with `_run`, partials, coroutines, and functions behind decorators."""

    class Runner(BaseTool):
        name: str = "runner"
        description: str = "What it does is to be read."

        def _run(self, command: str) -> str:
            return by_method(command)

    bound = Tool("ls", partial(bash, command="ls"), "List.")
    later = StructuredTool.from_function(coroutine=sent, name="sent", description="Post it.")
    assert all(side_effects(one).action for one in (Runner(), bound, later))


def test_code_that_cannot_be_seen_is_left_open() -> None:
    """A function without source, or one that calls what it is given, proves nothing."""
    blind = eval("lambda text: text.reverse_all()")  # noqa: S307 - a function without source
    assert side_effects(StructuredTool.from_function(blind, name="blind", description="Unknown.")).unknown
    assert side_effects(StructuredTool.from_function(lambda how: how()(), name="given", description="Unknown.")).unknown
