"""The graph as the project's main builds it, on a table of one row; a query that says "broken" fails."""

from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from strangers.standins import Standin


class DataFrame(Standin):
    columns = ("type", "value")
    empty = False

    def head(self) -> "DataFrame":
        return self

    def to_string(self, **_: Any) -> str:
        return "type value\ntea 1"

    to_markdown = to_string


def sqldf(query: str, _: Any) -> DataFrame:
    if "broken" in query:
        raise ValueError("no such column")
    return DataFrame()


def prepare() -> None:
    import pandas as pd
    import pandasql

    pd.DataFrame = DataFrame
    pandasql.sqldf = sqldf


def graph() -> Any:
    from src.agent.graph import build_agent_graph

    return build_agent_graph(DataFrame(), "CREATE TABLE Accrual_Accounts (type TEXT, value INT)", "Accrual_Accounts")


def inputs() -> dict[str, Any]:
    talk = [HumanMessage("Hello."), AIMessage("Good day.")]
    return {"question": "Chart the values by type.", "chat_history": talk}
