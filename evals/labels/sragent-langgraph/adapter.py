"""A warehouse whose first query fails and that finds one data set."""

from typing import Any

from strangers.standins import Standin

TRIES: list[str] = []


class Job:
    def __init__(self, sql: str) -> None:
        self.sql = sql

    def result(self) -> list[dict[str, Any]]:
        if "COUNT" in self.sql:
            return [{"total": 1}]
        return [{"acc": "SRR1", "organism": "Homo sapiens"}]


class Client(Standin):
    def query(self, sql: str, **_: Any) -> Job:
        TRIES.append(sql)
        if len(TRIES) == 1:
            raise ValueError("no such column")
        return Job(sql)

    def get_table(self, name: str) -> Any:
        raise ValueError(name)


def prepare() -> None:
    from google.cloud import bigquery

    bigquery.Client, bigquery.QueryJobConfig = Client, Standin


def graph() -> Any:
    from langgraph_agent.agent import create_sra_agent

    return create_sra_agent()


def inputs() -> dict[str, Any]:
    from langchain_core.messages import HumanMessage

    TRIES.clear()
    return {"messages": [HumanMessage("Human RNA-seq of lung cancer.")]}
