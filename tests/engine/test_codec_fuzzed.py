"""Records of a journal with anything in any of their places: an event of the right type, or `RunError`."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.engine.codec import dump, load_event
from langgraph_gepa.errors import RunError
from langgraph_gepa.testing import JOURNAL

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to everything inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, item in inner for found in [(*path, key), *places(item, (*path, key))]]


@given(st.data(), st.sampled_from(JOURNAL), ANYTHING)
def test_a_record_with_anything_in_any_place_is_an_event_or_a_run_error(data: Any, event: Any, anything: Any) -> None:
    """No other exception, and what is read can be written and read again."""
    record = json.loads(dump(event))
    *above, last = data.draw(st.sampled_from(places(record)))
    inner = record
    for key in above:
        inner = inner[key]
    inner[last] = anything
    with suppress(RunError):
        read = load_event(json.dumps(record))
        assert dump(load_event(dump(read))) == dump(read)


@given(ANYTHING | st.dictionaries(st.sampled_from(["type", "iteration", "texts"]), ANYTHING))
def test_any_json_is_an_event_or_a_run_error(anything: Any) -> None:
    """Whatever a record holds."""
    with suppress(RunError):
        assert type(load_event(json.dumps(anything))) in {type(event) for event in JOURNAL}
