"""Chooses short names for modules: the name of the constant, or else of the node."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from types import FunctionType
from typing import Any

from langgraph.pregel import Pregel

from langgraph_gepa.adapter.objects import Step, classes, functions
from langgraph_gepa.adapter.objects.walk import Walk


def unique(candidates: Sequence[Sequence[str]], others: Collection[str] = ()) -> list[str]:
    """A name for each list of candidates: the first that no other could have, or the last with a number.

    `others` are names that are taken already.
    """
    names: list[str] = [""] * len(candidates)
    taken = set(others)
    left = list(range(len(candidates)))
    for level in range(max((len(c) for c in candidates), default=0)):
        wished = {i: candidates[i][min(level, len(candidates[i]) - 1)] for i in left}
        count = Counter(wished.values())
        for i in list(left):
            if count[wished[i]] == 1 and wished[i] not in taken:
                names[i] = wished[i]
                taken.add(wished[i])
                left.remove(i)
    for i in left:
        stem, number = candidates[i][-1], 1
        while not names[i] or names[i] in taken:
            names[i] = stem if number == 1 else f"{stem}.{number}"
            number += 1
        taken.add(names[i])
    return names


def slug(name: str) -> str:
    """A name in lower case, without characters that are not allowed in module names."""
    return re.sub(r"[^\w./:-]+", "_", name).strip("_").lower() or "text"


def holder(walk: Walk, key: int, step: Step) -> str:
    """The name that the user's code gives the part under a step: of a global, variable, attribute or parameter, and the
    keys of items after a dot. Empty if only a framework or the graph holds it."""
    items: list[str] = []
    met: set[int] = set()
    while key not in met:
        met.add(key)
        value = walk.nodes[key].value
        if isinstance(value, Pregel):
            break
        if name := _name_of(value, step):
            return ".".join([name, *reversed(items)])
        if issubclass(type(value), dict) and isinstance(step[1], str) and step[1] not in ("content", "text"):
            items.append(step[1])
        above = walk.holders[key]
        if not above:
            break
        named = ((holder, at) for holder, at in above if _name_of(walk.nodes[holder].value, at))
        key, step = next(named, above[0])
    return ""


def held_as(walk: Walk, key: int) -> str:
    """The name that the user's code gives an object; empty if only a framework or the graph holds it."""
    names = (holder(walk, above, step) for above, step in walk.holders.get(key, ()))
    return next(filter(None, names), "")


def _name_of(value: Any, step: Step) -> str:
    match step:
        case ("global" | "import" | "closure", *_, str(name)):
            return name
        case ("cell" | "kwdefault", str(name)) if isinstance(value, FunctionType) and functions.own(value):
            return name
        case ("member" | "field", str(name)):
            return name
        case ("attr", str(name)) if classes.own(type(value)):
            return name
        case ("default", int(index)) if isinstance(value, FunctionType) and functions.own(value):
            return functions.parameter_of(value, index)
    return ""


def label(path: str, graph: str, prebuilt: bool) -> str:
    """A node's short name; a prebuilt agent's model node is named after the agent."""
    if not path:
        return slug(graph) if graph != "LangGraph" else "agent"
    *above, last = path.split("/")
    if prebuilt:
        return slug(above[-1]) if above else slug(graph) if graph != "LangGraph" else "agent"
    return slug(last.strip("_"))
