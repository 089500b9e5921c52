"""What is in `run.db`, and how an older one becomes like it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from langgraph_gepa.errors import RunError

APPLICATION = 0x47455041  # "GEPA": tells a run from other SQLite databases

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE events (id INTEGER PRIMARY KEY, at REAL NOT NULL, type TEXT NOT NULL, body TEXT NOT NULL);
    CREATE TABLE ledger (key TEXT PRIMARY KEY, body BLOB NOT NULL);
    CREATE TABLE settings (key TEXT PRIMARY KEY, body TEXT NOT NULL);
    """,
    """
    CREATE TABLE notes (
        key TEXT PRIMARY KEY, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, dollars REAL
    );
    """,
    """
    ALTER TABLE notes ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0;
    """,
)
"""Script n leads from schema version n to n + 1. A released script never changes; a new one is added.

`events.body` is the event as `engine.codec` writes it, and `type` its type again, for people with a
SQL prompt; `ledger.body` is a zlib stream of UTF-8; `settings.body` is JSON. `notes` holds what calls under
way have spent so far; a run that ended well has none.
"""


def version(db: sqlite3.Connection) -> int:
    """The schema version of a run's database, 0 for an empty file. Raises `RunError` when it is no run's."""
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (number,) = db.execute("PRAGMA user_version").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION and (application or number or tables):
        raise RunError("It is a database, but no run's. Give another folder.")
    return int(number)


def upgrade(db: sqlite3.Connection, migrations: Sequence[str] = MIGRATIONS) -> None:
    """Brings the database to the newest version; a step is done whole or not at all.

    Raises `RunError` when it is newer than that already.
    """
    found = version(db)
    if found > len(migrations):
        raise RunError(
            f"It has schema version {found} and this langgraph-gepa knows {len(migrations)} at most: "
            "a newer one wrote it. Upgrade with `pip install -U langgraph-gepa`."
        )
    for number, script in enumerate(migrations[found:], found + 1):
        stamp = f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {number};"
        db.executescript(f"BEGIN IMMEDIATE; {script} {stamp} COMMIT;")
