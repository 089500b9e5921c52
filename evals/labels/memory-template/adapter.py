"""Stand-in for the server that would run the memory graph, and one memory."""

from typing import Any

from strangers.standins import Standin


def prepare() -> None:
    import langgraph_sdk

    langgraph_sdk.get_client = Standin  # type: ignore[assignment]


async def seed(store: Any) -> None:
    await store.aput(("default-user",), "1", {"content": "They like coffee."})
