"""A collection of one page."""

from typing import Any


class Collection:
    def query(self, **_: Any) -> dict[str, Any]:
        return {"documents": [["A graph has nodes."]], "metadatas": [[{"source": "graphs.md", "chunk_index": 0}]]}


def prepare() -> None:
    import agent

    agent._get_collection = Collection
