"""The store that keeps nothing on disk."""

from pathlib import Path

from langgraph_gepa.engine.ports import Store
from langgraph_gepa.store.memory import MemoryStore
from langgraph_gepa.testing import StoreContract


class TestMemoryStore(StoreContract):
    def open_store(self, folder: Path) -> Store:
        return MemoryStore()


def test_nothing_reaches_the_disk(tmp_path: Path) -> None:
    """A run in memory leaves no trace."""
    TestMemoryStore().open_store(tmp_path).configure({"seed": 0})
    assert list(tmp_path.iterdir()) == []
