"""What a node lacked that an option gives: told from the exception, the failing line and what it could reach."""

from __future__ import annotations

import linecache
import re
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

from langgraph.runtime import Runtime

from langgraph_gepa.adapter.objects import ownership

_GIVEN = {
    "context": "RunnerOptions(context=...), a context or a function of the example",
    "config": 'RunnerOptions(config={"configurable": {...}})',
    "store": "RunnerOptions(store=...), a function that makes a store with what the graph looks up",
}


def missing_option(failure: BaseException) -> str:
    """The option that gives what the failing code looked for in vain, as a sentence; empty where none does."""
    frames = list(_frames(failure))
    if not frames:
        return ""
    frame, number = frames[0]
    line = linecache.getline(frame.f_code.co_filename, number).strip()
    held = [value for one, _ in frames for value in one.f_locals.values()]
    option = _option(failure, line, held)
    return (
        f"What `{line}` looks for is given by {_GIVEN[option]}, on the command line with --options." if option else ""
    )


def _option(failure: BaseException, line: str, held: list[Any]) -> str | None:
    contexts = [value.context for value in held if isinstance(value, Runtime)]
    configured = [
        v["configurable"] for v in held if isinstance(v, Mapping) and isinstance(v.get("configurable"), Mapping)
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
    """The frames of the user's code that the exception came through, the innermost first, with the line."""
    traceback, found = failure.__traceback__, []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if ownership.own_code(code, traceback.tb_frame.f_globals.get("__name__")):
            found.append((traceback.tb_frame, traceback.tb_lineno))
        traceback = traceback.tb_next
    yield from reversed(found)
