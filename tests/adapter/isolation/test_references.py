"""What expressions refer to, what functions write, read and test, and how that looks to others."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from langgraph_gepa.adapter.isolation import accesses
from langgraph_gepa.adapter.isolation.references import Body, Program
from langgraph_gepa.adapter.isolation.variables import CALLED, ITEM, extended
from langgraph_gepa.adapter.isolation.writes import Location, locations
from langgraph_gepa.adapter.objects.walk import Walk

CACHE: dict[str, Any] = {}
COUNTS: defaultdict[str, list[int]] = defaultdict(list)
CLIENT: Any = None


class Memory:
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


MEMORY = Memory()


def body_of(function: Callable[..., Any], *others: Callable[..., Any]) -> Body:
    program = Program([function, *others], {})  # type: ignore[list-item]  # they are plain functions
    return program.functions[id(function)]


def live(function: Callable[..., Any], expression: str, *others: Callable[..., Any]) -> list[Any]:
    """The objects that an expression in a function refers to."""
    body = body_of(function, *others)
    refs = body.refs(ast.parse(expression, mode="eval").body)
    return [found for ref in sorted(refs, key=str) for found in body.program.live(ref)]


def handed_on() -> Any:
    return MEMORY


@cache
def remembered() -> Any:
    return []


def use() -> Any:
    mine = MEMORY
    for one in mine.notes:
        print(one)
    return handed_on(), remembered(), CACHE, COUNTS


@pytest.mark.parametrize("expression", ["MEMORY", "mine", "mine if use else mine", "handed_on()", "(other := MEMORY)"])
def test_a_reference_is_followed_through_names_and_calls(expression: str) -> None:
    """To the object that was there before the call."""
    assert live(use, expression, handed_on) == [MEMORY]


def test_a_reference_leads_on_to_attributes_and_items() -> None:
    """As they are now."""
    MEMORY.notes[:] = ["a note"]
    assert live(use, "mine.notes") == [MEMORY.notes]
    assert live(use, "one") == ["a note"]
    MEMORY.notes.clear()
    assert live(use, "one") == []


def test_a_new_object_is_no_reference() -> None:
    """What a call makes itself does not outlive it."""
    assert live(use, "[MEMORY]") == []
    assert live(use, "dict(a=1)") == []


def test_the_results_of_a_cache_outlive_the_call() -> None:
    """The reference says that they were given back by the cached function."""
    body = body_of(use, remembered.__wrapped__)
    (ref,) = body.refs(ast.parse("remembered()", mode="eval").body)
    assert ref == (id(use), "global", "remembered", CALLED)


def test_a_reference_is_cut_off_in_the_end() -> None:
    """So that following `x = x.next` ends."""
    ref = extended((1, "global", "x"), *["next"] * 20)
    assert len(ref) == len(extended(ref, "next")) < 20


def writer(key: str) -> None:
    global CLIENT
    if CLIENT is None:
        CLIENT = Memory()
    CACHE[key] = 1
    COUNTS["calls"].append(1)
    local = {}
    local["a"] = key


def steps(refs: Any) -> set[tuple[str, ...]]:
    return {ref[2:] for ref in refs}


def test_the_accesses_of_a_function() -> None:
    """Names and items that outlive the call are written and tested; what is local is not there."""
    body = body_of(writer)
    assert steps(write.ref for write in accesses.written(body)) == {
        ("CLIENT",),
        ("CACHE", ITEM),
        ("COUNTS", ITEM, ITEM),
    }
    assert ("CLIENT",) in steps(accesses.tested(body))
    assert ("CLIENT", ITEM) in steps(accesses.read(body))
    assert ("CACHE", ITEM) not in steps(accesses.read(body))


def test_a_write_knows_what_its_value_depends_on() -> None:
    """A client is made from nothing that differs between calls; an item under a parameter's key is not."""
    writes = {write.ref[2]: write for write in accesses.written(body_of(writer))}
    assert writes["CLIENT"].made_from == {"Memory"}
    assert not writes["CLIENT"].varies
    assert writes["CACHE"].made_from is None
    assert writes["CACHE"].varies
    assert writes["CACHE"].by_key


def found(*functions: Any) -> dict[str, Location]:
    walk = Walk(list(functions))
    return {location.words.partition(" ")[0]: location for location in locations(walk, walk.nodes)}


def test_a_location_is_made_once_if_it_is_tested_and_made_from_nothing_that_varies() -> None:
    """A client that is made when it is missing, but no cache by a parameter."""
    by_words = found(writer)
    assert by_words["CLIENT"].made_once
    assert by_words["CLIENT"].holder is globals()
    assert not by_words["CACHE[...]"].made_once
    assert by_words["CACHE[...]"].holder is CACHE


def add(memory: Memory) -> None:
    memory.notes.append("seen")


def caller() -> None:
    add(MEMORY)


def test_a_caller_writes_what_it_has_others_write_to() -> None:
    """The caller counts as the writer of its argument, and a method as that of its receiver."""
    walk = Walk([caller, add, MEMORY])
    (location,) = (one for one in locations(walk, walk.nodes) if one.holder is MEMORY.notes)
    assert location.name == ITEM
    assert location.writers == {id(caller), id(Memory.note)}
