"""Finds the option that would give a node what it lacked, from the exception, the failing line and its variables."""

from __future__ import annotations

import linecache
import re
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

from langgraph.runtime import Runtime

from langgraph_gepa.adapter.objects import ownership

_OPTIONS = {
    "context": "RunnerOptions(context=...), a context or a function of the example",
    "config": 'RunnerOptions(config={"configurable": {...}})',
    "store": "RunnerOptions(store=...), a function that makes a store with what the graph looks up",
}


def missing_option(failure: BaseException) -> str:
    """Returns a sentence on the option that gives what the failing code looked for; empty if there is none."""
    frames = list(_frames(failure))
    if not frames:
        return ""
    frame, number = frames[0]
    line = linecache.getline(frame.f_code.co_filename, number).strip()
    variables = [value for one, _ in frames for value in one.f_locals.values()]
    option = _option(failure, line, variables)
    return (
        f"What `{line}` looks for is given by {_OPTIONS[option]}, on the command line with --options." if option else ""
    )


def _option(failure: BaseException, line: str, variables: list[Any]) -> str | None:
    contexts = [value.context for value in variables if isinstance(value, Runtime)]
    configured = [
        v["configurable"] for v in variables if isinstance(v, Mapping) and isinstance(v.get("configurable"), Mapping)
    ]
    if isinstance(failure, KeyError):
        key = failure.args[0] if failure.args else None
        if not isinstance(key, str) or key not in line:
            return None
        lacks = [name for name, maps in (("context", contexts), ("config", configured)) if _lacks(maps, key)]
        return next((name for name in lacks if name in line), lacks[0] if len(lacks) == 1 else None)
    if "'NoneType' object" not in str(failure):
        return None
    if None in contexts and re.search(r"\b(context|ctx)\b", line):
        return "context"
    if configured and re.search(r"\bconfig(ur\w*)?\b", line):
        return "config"
    return "store" if re.search(r"\bstore\.a?(get|search)\b", line) else None


def _lacks(maps: list[Any], key: str) -> bool:
    return any(isinstance(one, Mapping) and key not in one for one in maps)


def _frames(failure: BaseException) -> Iterator[tuple[FrameType, int]]:
    """Yields the frames of the user's code in the traceback, the innermost first, with their lines."""
    traceback, found = failure.__traceback__, []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if ownership.own_code(code, traceback.tb_frame.f_globals.get("__name__")):
            found.append((traceback.tb_frame, traceback.tb_lineno))
        traceback = traceback.tb_next
    yield from reversed(found)
