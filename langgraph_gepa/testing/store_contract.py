"""What every store must do, as tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from langgraph_gepa.core.events import Charged, RunFinished, RunStarted
from langgraph_gepa.core.rollout import Rollout, Usage
from langgraph_gepa.engine.codec import dump, load
from langgraph_gepa.engine.ports import Store
from langgraph_gepa.testing.sample_journal import JOURNAL, PAID


class StoreContract:
    """What every `Store` must do, as tests. Subclass it in a test module, with `open_store`.

    >>> class TestMemoryStore(StoreContract):
    ...     def open_store(self, folder: Path) -> Store:
    ...         return MemoryStore()
    """

    def open_store(self, folder: Path) -> Store:
        """A new store; `folder` is empty, and the test's own."""
        raise NotImplementedError

    def test_a_new_store_is_empty(self, tmp_path: Path) -> None:
        """Nothing was paid for, nothing happened, nothing is set."""
        store = self.open_store(tmp_path)
        _same((list(store.events()), store.settings(), store.paid("r0")), ([], {}, None))
        store.close()

    def test_the_journal_keeps_every_event_in_order(self, tmp_path: Path) -> None:
        """Events come back equal, in the order of appending, each with its time, as often as asked."""
        store = self.open_store(tmp_path)
        for index, event in enumerate(JOURNAL):
            store.append(event, index / 4)
        expected = [(index / 4, event) for index, event in enumerate(JOURNAL)]
        _same(list(store.events()), expected)
        _same(list(store.events()), expected)
        store.close()

    def test_time_may_stand_still_or_jump(self, tmp_path: Path) -> None:
        """The order is that of appending, whatever the clock."""
        store = self.open_store(tmp_path)
        for at in (5.0, 5.0, 1e9, 0.0):
            store.append(RunFinished(str(at)), at)
        _same([at for at, _ in store.events()], [5.0, 5.0, 1e9, 0.0])
        store.close()

    def test_what_is_paid_for_is_found_by_its_key_and_is_in_the_journal(self, tmp_path: Path) -> None:
        """`pay` writes the entry and the event; other keys stay unpaid."""
        store = self.open_store(tmp_path)
        store.pay("r0", dump(PAID), JOURNAL[1], 2.0)
        _same(load(Rollout, store.paid("r0") or ""), PAID)
        _same(list(store.events()), [(2.0, JOURNAL[1])])
        _same(store.paid("r1"), None)
        store.close()

    def test_entries_of_any_size_and_any_characters_come_back(self, tmp_path: Path) -> None:
        """An entry is text, empty or of megabytes, with NUL, with lone surrogates."""
        store = self.open_store(tmp_path)
        entries = ["", "\0a\0", "\ud800 \udfff", "\N{SNOWMAN}" * 1_000_000]
        for index, entry in enumerate(entries):
            store.pay(str(index), entry, JOURNAL[1], 0.0)
        _same([store.paid(str(index)) for index in range(len(entries))], entries)
        store.close()

    def test_a_key_paid_twice_keeps_its_entry_and_counts_twice(self, tmp_path: Path) -> None:
        """What was used stays what it was, and what was spent is never forgotten."""
        store = self.open_store(tmp_path)
        store.pay("r0", "first", JOURNAL[1], 0.0)
        store.pay("r0", "second", JOURNAL[1], 1.0)
        _same((store.paid("r0"), len(list(store.events()))), ("first", 2))
        store.close()

    def test_a_note_lasts_until_its_call_is_paid_or_charged(self, tmp_path: Path) -> None:
        """The last note of a key counts; paying or charging strikes it, and no other."""
        store = self.open_store(tmp_path)
        for key, tokens in (("r0", 1), ("r1", 2), ("r0", 3), ("r2", 4)):
            store.note(key, Usage(tokens, tokens, None if key == "r1" else 0.5, tokens))
        notes = {"r0": Usage(3, 3, 0.5, 3), "r1": Usage(2, 2, None, 2), "r2": Usage(4, 4, 0.5, 4)}
        _same(store.notes(), notes)
        store.pay("r0", "entry", JOURNAL[1], 0.0)
        store.charge("r1", JOURNAL[-1], 1.0)
        store.charge("unknown", JOURNAL[-1], 1.0)
        _same(store.notes(), {"r2": notes["r2"]})
        _same([event for _, event in store.events()], [JOURNAL[1], JOURNAL[-1], JOURNAL[-1]])
        store.close()

    def test_a_restart_leaves_one_event_and_everything_paid_for(self, tmp_path: Path) -> None:
        """The journal begins anew, and goes on from there; entries and notes are as they were."""
        store = self.open_store(tmp_path)
        for index, event in enumerate(JOURNAL[:6]):
            store.append(event, index / 4)
        store.pay("r0", "entry", JOURNAL[1], 2.0)
        store.note("r1", Usage(1, 2, None))
        charged = Charged("", Usage(7, 3, None), "the metric", "restarted")
        store.restart(charged, 3.0)
        _same(
            (list(store.events()), store.paid("r0"), store.notes()),
            ([(3.0, charged)], "entry", {"r1": Usage(1, 2, None)}),
        )
        store.append(JOURNAL[0], 4.0)
        _same(list(store.events()), [(3.0, charged), (4.0, JOURNAL[0])])
        store.close()

    def test_an_iterator_keeps_to_the_journal_it_began_on(self, tmp_path: Path) -> None:
        """Appending while reading neither ends nor prolongs the reading."""
        store = self.open_store(tmp_path)
        store.append(JOURNAL[0], 0.0)
        seen = []
        for at, _ in store.events():
            seen.append(at)
            store.append(JOURNAL[-1], at + 1)
        _same((seen, len(list(store.events()))), ([0.0], 2))
        store.close()

    def test_settings_merge_key_by_key(self, tmp_path: Path) -> None:
        """A key given replaces its whole value; others stay; plain JSON comes back."""
        store = self.open_store(tmp_path)
        first: dict[str, Any] = {"seed": 0, "budget": {"rollouts": 30, "dollars": None}, "graph": "a.py:\N{SNOWMAN}"}
        store.configure(first)
        store.configure({"budget": {"rollouts": 60}})
        store.configure({})
        _same(store.settings(), first | {"budget": {"rollouts": 60}})
        store.close()

    def test_what_goes_in_is_not_what_the_caller_still_holds(self, tmp_path: Path) -> None:
        """Changing a value after handing it over, or after getting it, changes nothing in the store."""
        store = self.open_store(tmp_path)
        texts, limits = {"planner": "Plan."}, {"rollouts": 30}
        store.append(RunStarted(texts, (), ()), 0.0)
        store.configure({"budget": limits})
        texts["planner"], limits["rollouts"] = "", 0
        store.settings()["budget"]["rollouts"] = 1
        _same([event for _, event in store.events()], [RunStarted({"planner": "Plan."}, (), ())])
        _same(store.settings(), {"budget": {"rollouts": 30}})
        store.close()

    def test_closing_twice_is_closing_once(self, tmp_path: Path) -> None:
        """`close` can stand in every `finally`."""
        store = self.open_store(tmp_path)
        store.close()
        store.close()


def _same(found: object, expected: object) -> None:
    if found != expected:
        raise AssertionError(f"{found!r}\nis not\n{expected!r}")
