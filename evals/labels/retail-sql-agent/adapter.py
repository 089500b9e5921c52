"""A database of one store, that refuses one table and finds nothing in another."""

from typing import Any


def run_query(sql: str) -> list[dict[str, Any]]:
    if "nowhere" in sql:
        raise ValueError("Table 'nowhere' doesn't exist")
    return [] if "closed" in sql else [{"store_name": "Central"}]


def prepare() -> None:
    import src.agent.db

    src.agent.db.run_query = run_query


def inputs() -> dict[str, Any]:
    history = [{"question": f"Question {n}?", "sql": f"SELECT {n}", "answer": "An answer."} for n in (1, 2)]
    return {"question": "And only for Mumbai?", "history": history}
