"""Stand-ins for the database, which knows one memory of the user, and for the embeddings."""

import sys
from typing import Any

from strangers.standins import Standin


class Index(Standin):
    def fetch(self, ids: list[str], **_: Any) -> dict[str, Any]:
        return {"vectors": {ids[0]: {"metadata": {"content": {"likes": "coffee"}}}}}


class FireworksEmbeddings(Standin):
    async def aembed_query(self, text: str) -> list[float]:
        return [0.5]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[0.5] for _ in texts]


def prepare() -> None:
    import langchain_fireworks
    import pinecone
    import pydantic

    sys.modules["langchain_core.pydantic_v1"] = pydantic  # where it was in the version the project was written for
    langchain_fireworks.FireworksEmbeddings = FireworksEmbeddings
    pinecone.Pinecone = type("Pinecone", (Standin,), {"Index": lambda self, name: Index()})
