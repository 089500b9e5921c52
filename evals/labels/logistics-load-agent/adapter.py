"""The project's schema, empty, in memory."""

from pathlib import Path
from typing import Any


def prepare() -> None:
    import sqlite3

    import db.connection as connection

    def create() -> sqlite3.Connection:
        made = sqlite3.connect(":memory:", check_same_thread=False)
        made.row_factory = sqlite3.Row
        made.executescript(Path(connection.__file__).with_name("schema.sql").read_text(encoding="utf-8"))
        return made

    connection._create_connection = create


def graph() -> Any:
    from graph.workflow import build_graph

    return build_graph()
