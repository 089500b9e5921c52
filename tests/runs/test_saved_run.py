"""A run's folder with damaged or hostile content: each command that reads it prints its output or one error message."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from langgraph_gepa import Error, Result, resume
from langgraph_gepa.cli import app
from langgraph_gepa.runs.prompts import prompts_of

VALUES: list[Any] = [
    None, True, -1, 2**70, float("nan"), float("inf"), "", "../../x", "\x1b[31m", "{", "{{ a.b }}", "[red]", "\ud800",
    [], {}, [1], ["a"], {"a": 1}, [[["a"]]], 1e308,
]  # fmt: skip
COMMANDS = ("show run", "show run --json", "report run", "export run", "diff run", "apply run --check")


@pytest.fixture
def run(started: Path, project: Path) -> Path:
    (project / "run").mkdir()
    shutil.copy(started / "run.db", project / "run")
    return project / "run"


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from places(part, (*path, key))


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new
    return value


def spoil(run: Path, rng: random.Random) -> None:
    """Puts some value in some place of some record."""
    table = rng.choice(["events", "ledger", "settings"])
    with closing(sqlite3.connect(run / "run.db", isolation_level=None)) as db:
        rows = db.execute(f"SELECT rowid, body FROM {table}").fetchall()  # noqa: S608 - one of our three tables
        id, body = rng.choice(rows)
        data = json.loads(zlib.decompress(body) if table == "ledger" else body)
        text = json.dumps(put(data, rng.choice(list(places(data))), rng.choice(VALUES)))
        changed = zlib.compress(text.encode()) if table == "ledger" else text
        db.execute(f"UPDATE {table} SET body = ? WHERE rowid = ?", (changed, id))  # noqa: S608 - the same


def require_sentence(command: str) -> None:
    ended = CliRunner().invoke(app, command.split())
    assert ended.exit_code in (0, 2), (command, ended.output, ended.exception)
    assert ended.exception is None or isinstance(ended.exception, SystemExit), (command, ended.exception)


@pytest.mark.parametrize("read", [Result.open, resume, prompts_of])
@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_path_is_not_the_working_directory(
    read: Callable[[str], object], empty: str, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unset variable opens no run, even where the working directory is the folder of one."""
    monkeypatch.chdir(run)
    with pytest.raises(Error, match=r"give its path|give a run's folder"):
        read(empty)


def test_a_wrong_value_in_any_record_is_shown_or_refused(run: Path) -> None:
    """Valid JSON of any type in any place ends no command in a traceback."""
    whole = (run / "run.db").read_bytes()
    for seed in range(25):
        (run / "run.db").write_bytes(whole)
        spoil(run, random.Random(seed))
        for command in COMMANDS:
            require_sentence(command)


DEEP = '{"a":' + "[" * 100_000 + "]" * 100_000 + "}"


@pytest.mark.parametrize(
    "statement",
    [
        ("UPDATE settings SET body = ? WHERE key = 'asked'", DEEP),
        ("UPDATE settings SET body = ? WHERE key = 'identity'", DEEP),
        ("UPDATE settings SET body = ? WHERE key = 'identity'", "[1]"),
        ("UPDATE events SET body = ? WHERE id = 2", DEEP),
        ("UPDATE ledger SET body = ?", zlib.compress(DEEP.encode())),
        ("UPDATE ledger SET body = ?", zlib.compress(b"0" * 300_000_000)),
        ("UPDATE events SET at = ? WHERE id = 2", "soon"),
        ("UPDATE events SET at = ? WHERE id = 2", float("inf")),
        ("CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM ledger; END",),
        ("CREATE VIEW v AS SELECT 1",),
        ("ALTER TABLE events ADD COLUMN more TEXT",),
    ],
    ids=lambda statement: f"{statement[0][:40]}",
)
def test_what_is_made_to_do_harm_is_refused(run: Path, statement: tuple[Any, ...]) -> None:
    """Depth and size without end, and whatever in a database runs by itself."""
    with closing(sqlite3.connect(run / "run.db", isolation_level=None)) as db:
        db.execute(statement[0], statement[1:])
    ended = CliRunner().invoke(app, ["show", "run"])
    assert (ended.exit_code, isinstance(ended.exception, SystemExit)) == (2, True), ended.output
    assert "run" in ended.stderr
