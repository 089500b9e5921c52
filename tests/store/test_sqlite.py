"""The store on disk: what it keeps, who may open it, and what happens when the disk is not what it was."""

import os
import random
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from langgraph_gepa.core.events import ReflectionFinished, RunFinished
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.engine.codec import dump, load
from langgraph_gepa.engine.ports import Store
from langgraph_gepa.errors import RunError
from langgraph_gepa.store.schema import MIGRATIONS, upgrade
from langgraph_gepa.store.sqlite import SqliteStore
from langgraph_gepa.testing import JOURNAL, PAID, StoreContract

GOLDEN = Path(__file__).parent / "golden"
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions and signals")


class TestSqliteStore(StoreContract):
    def open_store(self, folder: Path) -> Store:
        return SqliteStore(folder / "run.db")


def filled(path: Path) -> SqliteStore:
    """An open store with a journal, a paid rollout and settings."""
    store = SqliteStore(path)
    store.configure({"seed": 0})
    for event in JOURNAL:
        store.append(event, 1.0)
    store.pay("r0", dump(PAID), JOURNAL[1], 2.0)
    return store


def assert_filled(store: Store) -> None:
    assert [event for _, event in store.events()] == [*JOURNAL, JOURNAL[1]]
    assert load(Rollout, store.paid("r0") or "") == PAID
    assert store.settings() == {"seed": 0}


CHILD = """
import itertools, sys
from langgraph_gepa.errors import RunError
from langgraph_gepa.core.events import ReflectionFinished, RunFinished
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.store.sqlite import SqliteStore
if len(sys.argv) > 2:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
store = SqliteStore(sys.argv[1])
try:
    for n in itertools.count():
        store.append(RunFinished(f"appended {n}"), n)
        print("appended", n, flush=True)
        store.pay(f"key {n}", f"reply {n} " * 2000, ReflectionFinished(n, "writer", Usage(), 1.0, f"key {n}"), n)
        print("paid", n, flush=True)
except RunError as error:
    print("stopped", error, flush=True)
"""


def run_child(path: Path, *limit: str) -> "subprocess.Popen[str]":
    """A process that appends and pays for ever, saying so after each; `limit` is the most bytes a file may have."""
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", CHILD, str(path), *limit]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)


@pytest.mark.parametrize("lines", [1, 2, 37, 300])
def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path: Path, lines: int) -> None:
    """After kill -9, what returned is there, and every payment has both entry and event, or neither."""
    with run_child(tmp_path / "run.db") as child:
        assert child.stdout
        said = [child.stdout.readline() for _ in range(lines)]
        child.kill()
        said += child.stdout.read().splitlines(keepends=True)
    whole = [line for line in said if line.endswith("\n")]
    with closing(SqliteStore(tmp_path / "run.db")) as store:
        events = [event for _, event in store.events()]
        appended = [event for event in events if isinstance(event, RunFinished)]
        accounted = [event for event in events if isinstance(event, ReflectionFinished)]
        assert len(appended) >= sum(line.startswith("appended") for line in whole)
        assert len(accounted) >= sum(line.startswith("paid") for line in whole)
        for n, event in enumerate(accounted):
            assert store.paid(event.ledger) == f"reply {n} " * 2000
        assert store.paid(f"key {len(accounted)}") is None
        store.append(RunFinished("goes on"), 0.0)


def test_two_processes_cannot_write_one_run(tmp_path: Path) -> None:
    """The second is told which process holds the run, may read it, and gets it when the first is dead."""
    path = tmp_path / "run.db"
    with run_child(path) as child:
        assert child.stdout
        for _ in range(10):
            child.stdout.readline()
        with pytest.raises(RunError, match=f"in use by process {child.pid} "):
            SqliteStore(path)
        with closing(SqliteStore(path, read_only=True)) as store:
            assert sum(isinstance(event, ReflectionFinished) for _, event in store.events()) >= 5
        child.kill()
    SqliteStore(path).close()


def test_one_process_cannot_open_a_run_twice(tmp_path: Path) -> None:
    """A lock that a process takes twice would guard nothing against two optimisers in one program."""
    first = SqliteStore(tmp_path / "run.db")
    with pytest.raises(RunError, match=f"process {os.getpid()}"):
        SqliteStore(tmp_path / "run.db")
    first.close()
    SqliteStore(tmp_path / "run.db").close()


@posix
def test_a_forked_worker_does_not_keep_the_run_locked(tmp_path: Path) -> None:
    """A worker that outlives the process that forked it holds no lock."""
    store = SqliteStore(tmp_path / "run.db")
    ready, told = os.pipe()
    waiting, release = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(release)
        os.write(told, b"!")
        os.read(waiting, 1)
        os._exit(0)
    os.read(ready, 1)
    store.close()
    SqliteStore(tmp_path / "run.db").close()
    os.close(release)
    os.waitpid(child, 0)
    for end in (ready, told, waiting):
        os.close(end)


def test_a_store_belongs_to_one_thread(tmp_path: Path) -> None:
    """Use from another thread is an error at once, not a rare corruption."""
    raised: list[Exception] = []

    def use() -> None:
        try:
            store.append(JOURNAL[0], 0.0)
        except sqlite3.ProgrammingError as error:
            raised.append(error)

    with closing(SqliteStore(tmp_path / "run.db")) as store:
        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
        assert raised
        assert list(store.events()) == []


def test_a_journal_of_many_pages_is_read_in_order_and_to_where_it_ended(tmp_path: Path) -> None:
    """However the journal is fetched, it comes whole, in order, and without what was appended meanwhile."""
    with closing(SqliteStore(tmp_path / "run.db")) as store:
        for n in range(1500):
            store.append(RunFinished(""), n)
        seen = []
        for at, _ in store.events():
            seen.append(at)
            if at == 0:
                store.append(RunFinished("late"), 1500)
        assert seen == list(range(1500))


def test_a_closed_run_is_one_file(tmp_path: Path) -> None:
    """After `close` a copy of `run.db` alone is the whole run."""
    filled(tmp_path / "run.db").close()
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "run.db").write_bytes((tmp_path / "run.db").read_bytes())
    with closing(SqliteStore(tmp_path / "copy" / "run.db", read_only=True)) as store:
        assert_filled(store)
    assert {path.name for path in tmp_path.iterdir()} == {"run.db", "run.lock", "copy"}


def test_reading_changes_nothing(tmp_path: Path) -> None:
    """A read-only store takes no lock, makes no file and refuses to write."""
    filled(tmp_path / "run.db").close()
    (tmp_path / "run.lock").unlink()
    before = (tmp_path / "run.db").read_bytes()
    with closing(SqliteStore(tmp_path / "run.db", read_only=True)) as store:
        assert_filled(store)
        with pytest.raises(RunError, match="cannot be opened or written"):
            store.pay("r1", "x", JOURNAL[1], 3.0)
    assert [path.name for path in tmp_path.iterdir()] == ["run.db"]
    assert (tmp_path / "run.db").read_bytes() == before


def test_a_reader_sees_what_a_writer_adds(tmp_path: Path) -> None:
    """A run can be watched: each reading of the journal is as new as the last append, and closing still works."""
    writer = SqliteStore(tmp_path / "run.db")
    with closing(SqliteStore(tmp_path / "run.db", read_only=True)) as reader:
        assert list(reader.events()) == []
        writer.append(JOURNAL[0], 1.0)
        assert list(reader.events()) == [(1.0, JOURNAL[0])]
        writer.close()
        assert list(reader.events()) == [(1.0, JOURNAL[0])]


@contextmanager
def unprivileged() -> Iterator[None]:
    """Root may write anywhere; nobody may not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def sealed() -> Iterator[Path]:
    """A folder that everybody may read and nobody may write, once it is sealed with `chmod`."""
    with TemporaryDirectory() as name:
        yield Path(name)
        Path(name).chmod(0o700)


def seal(folder: Path) -> None:
    for path in folder.iterdir():
        path.chmod(0o444)
    folder.chmod(0o555)


@posix
def test_a_finished_run_opens_in_a_folder_that_cannot_be_written(sealed: Path) -> None:
    """A run on a read-only share or in a read-only container can be shown; writing says why it cannot."""
    filled(sealed / "run.db").close()
    seal(sealed)
    with unprivileged():
        with closing(SqliteStore(sealed / "run.db", read_only=True)) as store:
            assert_filled(store)
        with pytest.raises(RunError, match="cannot be written"):
            SqliteStore(sealed / "run.db")


@posix
@pytest.mark.parametrize("left", ["wal and shm", "wal", "neither"])
def test_a_killed_run_opens_whole_in_a_folder_that_cannot_be_written(sealed: Path, tmp_path: Path, left: str) -> None:
    """What is still in the -wal file is not left out where SQLite cannot make its shared memory file."""
    store = filled(tmp_path / "run.db")
    if left == "neither":
        store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for name in {"wal and shm": ["-wal", "-shm"], "wal": ["-wal"], "neither": []}[left] + [""]:
        (sealed / f"run.db{name}").write_bytes((tmp_path / f"run.db{name}").read_bytes())
    store.close()
    seal(sealed)
    with unprivileged(), closing(SqliteStore(sealed / "run.db", read_only=True)) as killed:
        assert_filled(killed)


@pytest.mark.parametrize("large", ["entry", "event"])
def test_a_full_disk_is_said_and_nothing_is_half_written(tmp_path: Path, large: str) -> None:
    """A payment of which only a part fits leaves neither entry nor event, and fits once there is room."""
    text = random.Random(0).randbytes(100_000).hex()
    entry, event = (text, JOURNAL[1]) if large == "entry" else ("x", RunFinished(text))
    store = filled(tmp_path / "run.db")
    # The limit is the connection's own: only root can make a disk that is full.
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(RunError, match="disk is full"):
        store.pay("r1", entry, event, 3.0)
    assert_filled(store)
    assert store.paid("r1") is None
    store._db.execute("PRAGMA max_page_count = 100000")
    store.pay("r1", entry, event, 3.0)
    assert store.paid("r1") == entry
    store.close()


@posix
def test_a_disk_that_refuses_is_said(tmp_path: Path) -> None:
    """A file that may not grow ends in a `RunError`; what was acknowledged before stays, and nothing else."""
    with run_child(tmp_path / "run.db", "200000") as child:
        assert child.stdout
        *said, last = child.stdout.read().splitlines()
    assert last.startswith("stopped")
    assert "Nothing is half-written" in last
    with closing(SqliteStore(tmp_path / "run.db")) as store:
        paid = [event for _, event in store.events() if isinstance(event, ReflectionFinished)]
        assert len(paid) == sum(line.startswith("paid") for line in said) > 0


def damaged(whole: bytes, seed: int) -> bytes:
    """The same file with a page scribbled on, some bytes changed, or its end cut off."""
    rng = random.Random(seed)
    data = bytearray(whole)
    at = rng.randrange(len(data))
    match seed % 3:
        case 0:
            data[at : at + 4096] = rng.randbytes(len(data[at : at + 4096]))
        case 1:
            for _ in range(20):
                data[rng.randrange(len(data))] = rng.randrange(256)
        case _:
            del data[at:]
    return bytes(data)


@pytest.mark.parametrize("read_only", [True, False])
def test_a_damaged_file_is_a_run_error_or_still_readable(tmp_path: Path, read_only: bool) -> None:
    """No damage ends in anything but a `RunError` that names the file."""
    filled(tmp_path / "run.db").close()
    whole = (tmp_path / "run.db").read_bytes()
    refused = 0
    for seed in range(60):
        path = tmp_path / f"{seed}" / "run.db"
        path.parent.mkdir()
        path.write_bytes(damaged(whole, seed))
        try:
            with closing(SqliteStore(path, read_only=read_only)) as store:
                list(store.events())
                store.settings()
                store.paid("r0")
        except RunError as error:
            refused += 1
            assert str(path) in str(error)  # noqa: PT017  a file that can still be read is fine too
    assert refused > 30


def test_a_journal_with_a_hole_is_not_replayed(tmp_path: Path) -> None:
    """A pool folded from some of the events would be another pool."""
    filled(tmp_path / "run.db").close()
    with closing(sqlite3.connect(tmp_path / "run.db", isolation_level=None)) as db:
        db.execute("DELETE FROM events WHERE id = 5")
    with closing(SqliteStore(tmp_path / "run.db")) as store, pytest.raises(RunError, match="damaged"):
        list(store.events())


@pytest.mark.parametrize("read_only", [True, False])
def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path, read_only: bool) -> None:
    """Opening what a newer version wrote says to upgrade, and changes no byte of it."""
    filled(tmp_path / "run.db").close()
    with closing(sqlite3.connect(tmp_path / "run.db", isolation_level=None)) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = (tmp_path / "run.db").read_bytes()
    with pytest.raises(RunError, match="pip install -U"):
        SqliteStore(tmp_path / "run.db", read_only=read_only)
    assert (tmp_path / "run.db").read_bytes() == before


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("kind", ["text", "other database"])
def test_what_is_no_run_is_refused_and_left_alone(tmp_path: Path, kind: str, read_only: bool) -> None:
    """A file of somebody else's is named, not overwritten."""
    path = tmp_path / "run.db"
    if kind == "text":
        path.write_text("my notes" * 1000)
    else:
        with closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE customers (name)")
    before = path.read_bytes()
    with pytest.raises(RunError, match=r"run\.db"):
        SqliteStore(path, read_only=read_only)
    assert path.read_bytes() == before


def test_a_failed_opening_leaves_no_lock(tmp_path: Path) -> None:
    """Once the file is mended it opens in the same process."""
    (tmp_path / "run.db").write_text("my notes" * 1000)
    with pytest.raises(RunError):
        SqliteStore(tmp_path / "run.db")
    (tmp_path / "run.db").unlink()
    SqliteStore(tmp_path / "run.db").close()


def test_a_migration_is_done_whole_or_not_at_all() -> None:
    """A step that fails leaves the database at the version before, and the next try does it."""
    step = "ALTER TABLE ledger ADD COLUMN note TEXT;"
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        upgrade(db)
        with pytest.raises(sqlite3.OperationalError):
            upgrade(db, (*MIGRATIONS, f"{step} ALTER TABLE nowhere ADD COLUMN note TEXT;"))
        db.rollback()
        assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        upgrade(db, (*MIGRATIONS, step))
        assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("dump_file", sorted(GOLDEN.glob("*.sql")), ids=lambda path: path.stem)
def test_runs_of_every_version_open(tmp_path: Path, dump_file: Path, read_only: bool) -> None:
    """A run written by an older version means today what it meant then."""
    with closing(sqlite3.connect(tmp_path / "run.db")) as db:
        db.executescript(dump_file.read_text(encoding="utf-8"))
    with closing(SqliteStore(tmp_path / "run.db", read_only=read_only)) as store:
        events = tuple(event for _, event in store.events())
        assert len(events) >= 13
        assert events[:-1] == JOURNAL[: len(events) - 1]
        assert load(Rollout, store.paid("r0") or "") == PAID
        assert store.settings() == {"seed": 0}


def test_the_newest_schema_has_a_golden_run() -> None:
    """Whoever adds a migration adds a run of the version it makes, for those who come later."""
    assert (GOLDEN / f"run-v{len(MIGRATIONS)}.sql").is_file()
