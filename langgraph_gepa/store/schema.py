"""Defines the tables of `run.db`, and upgrades older ones."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing

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
    if 0 < number <= len(MIGRATIONS):
        _require_plain(db, number)
    return int(number)


def _require_plain(db: sqlite3.Connection, number: int) -> None:
    """Raises `RunError` when the tables differ from those of the scripts, or the schema contains code.

    A view in place of a table, a trigger, a generated column or an expression in an index is code from the author of
    the file, and SQLite runs it when the table is read or written.
    """
    found = db.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    with closing(sqlite3.connect(":memory:")) as ours:
        ours.executescript("".join(MIGRATIONS[:number]))
        tables = dict(ours.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
    known = {name: sql for kind, name, sql in found if kind == "table" and name in tables}
    others = [sql for kind, name, sql in found if name not in tables and (kind != "table" or _VIRTUAL.match(sql))]
    if others or {name: _bare(sql) for name, sql in known.items()} != {n: _bare(sql) for n, sql in tables.items()}:
        raise RunError("Its tables are not those that a run has, so it is damaged or was made to do harm.")


def _bare(sql: str) -> str:
    return "".join(sql.split())


_VIRTUAL = re.compile(r"\s*CREATE\s+VIRTUAL", re.IGNORECASE)


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
