"""A search and a page on the web; a memory that holds one thing before every run."""

from pathlib import Path
from typing import Any

from strangers.standins import Standin


class DDGS(Standin):
    def text(self, *_: Any, **__: Any) -> list[dict[str, str]]:
        return [{"href": "https://example.org/a", "title": "A page", "body": "Tea is drunk."}]


def prepare() -> None:
    import ddgs

    ddgs.DDGS = DDGS


def graph() -> Any:
    from app import memory
    from app.graph import build_graph
    from app.nodes import researcher

    memory.init_memory(Path(":memory:"))
    researcher.fetch_document = lambda _: {"ok": True, "content": "Tea is drunk in winter. " * 20}
    return build_graph()


async def seed(store: Any) -> None:
    from app import memory

    memory.get_connection().execute("DELETE FROM long_term_memory")
    memory.save_long_term_memory("Which teas?", "Name teas", "Green tea", "A report.", 8, True, "Good.")
