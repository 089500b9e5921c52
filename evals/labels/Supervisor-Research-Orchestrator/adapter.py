"""The graph with its state in memory and its files in a folder of their own; a search that finds one page."""

import os
import tempfile
from pathlib import Path
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from strangers.standins import Standin


class Saver(InMemorySaver):
    def __init__(self, *_: Any) -> None:
        super().__init__()

    def setup(self) -> None:
        return


class Search(Standin):
    def text(self, query: str, **_: Any) -> list[dict[str, str]]:
        return [{"title": "Tea", "body": "A page.", "href": "https://example.org/a"}]


def prepare() -> None:
    import ddgs
    import langgraph.checkpoint.postgres as postgres

    os.environ["POSTGRES_URI"] = "simulated"
    ddgs.DDGS = Search
    postgres.PostgresSaver = Saver


def graph() -> Any:
    import graph
    import tools

    folder = tempfile.mkdtemp()
    graph.Path = tools.Path = lambda name: Path(folder, name)
    return graph.app
