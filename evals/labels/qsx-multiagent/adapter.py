"""The models that the project means for use, a database of one row, and no picture drawn."""

import os
from contextlib import nullcontext
from typing import Any

import langgraph.errors
import langgraph.types


class Rows(list[Any]):
    def fetchall(self) -> list[Any]:
        return self


class Database:
    def connect(self) -> Any:
        return nullcontext(self)

    def execute(self, asked: Any) -> Rows:
        return Rows([(0, "month", "TEXT")] if "PRAGMA" in asked else [("orders",)])


def prepare() -> None:
    os.environ["LLM_PROVIDER"] = "openai"
    if not hasattr(langgraph.types, "GraphInterrupt"):
        langgraph.types.GraphInterrupt = langgraph.errors.GraphInterrupt
    from app.agents import chart_agent
    from app.graph import sql_subgraph
    from app.tools import sql_tools

    sql_tools.sql_text = str
    sql_tools.get_engine = Database
    sql_subgraph.execute_readonly_query = lambda _: [{"month": "May", "sales": 3}]
    chart_agent._render = lambda *_: "/charts/bar.png"
