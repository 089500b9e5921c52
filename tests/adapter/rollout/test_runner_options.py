"""Options of the wrong type are refused where they are made, by the name of the argument."""

from __future__ import annotations

from collections import ChainMap
from typing import Any

import pytest
from langgraph.store.memory import InMemoryStore

from langgraph_gepa import RunnerOptions, ToolCache
from langgraph_gepa.errors import UsageError

WRONG: list[tuple[str, Any]] = [
    ("timeout", "5"),
    ("timeout", 0),
    ("timeout", True),
    ("timeout", float("nan")),
    ("recursion_limit", 2.5),
    ("recursion_limit", 0),
    ("config", ["configurable"]),
    ("on_interrupt", "yes"),
    ("store", InMemoryStore()),
    ("tools", {...}),
    ("tools", ["book"]),
    ("tools", {1: len}),
    ("tools", None),
    ("harmless", ...),
    ("harmless", [...]),
    ("harmless", "book"),
    ("harmless", None),
    ("harmless", iter(["book"])),
    ("tool_cache", "tools.jsonl"),
    ("mask", "secret"),
    ("prices", [("model", 1.0, 2.0)]),
    ("prices", {"model": 1.0}),
    ("prices", {"model": (1.0, "2")}),
    ("is_world_failure", None),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=lambda one: one if isinstance(one, str) else type(one).__name__)
def test_an_option_of_the_wrong_type_is_refused_by_name(name: str, value: Any) -> None:
    """The message has the argument and what to give."""
    with pytest.raises(UsageError, match=rf"^RunnerOptions\({name}=.*\): give "):
        RunnerOptions(**{name: value})


def test_options_of_the_right_types_are_kept(tmp_path: Any) -> None:
    """Whichever mapping, collection or number it is."""
    options = RunnerOptions(
        timeout=None,
        recursion_limit=7,
        config=lambda example: {},
        store=InMemoryStore,
        tools=ChainMap({"book": len}),
        harmless=frozenset({"look_up"}),
        tool_cache=ToolCache(tmp_path / "tools.jsonl", ["search"]),
        mask=str.upper,
        prices={"local": (0, 0), "other": [1, 2.5]},  # type: ignore[dict-item]  # as from JSON
    )
    assert (options.timeout, options.recursion_limit, *options.harmless) == (None, 7, "look_up")
