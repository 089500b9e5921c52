"""Whether examples fit the graph they are for: LangGraph drops inputs it has no place for without a word."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from langgraph_gepa.errors import ExampleError
from langgraph_gepa.search.example import Example


def dropped_inputs(graph: Any, examples: Iterable[Example]) -> str | None:
    """What to tell of inputs that `graph` would drop; `None` when it takes them all, or anything.

    Raises `ExampleError` for an example of which it would take nothing.
    """
    taken = _taken(graph)
    if taken is None:
        return None
    lost: dict[str, None] = {}
    for example in examples:
        unknown = [name for name in example.inputs if name not in taken]
        if example.inputs and len(unknown) == len(example.inputs):
            raise ExampleError(
                f"The graph takes none of the inputs of example {example.id!r}: {_listed(unknown)}"
                f"{_meant(unknown[0], taken)} It takes {_listed(taken)}."
            )
        lost |= dict.fromkeys(unknown)
    if not lost:
        return None
    return f"The graph drops these inputs of the examples: {_listed(lost)}. It takes {_listed(taken)}."


def _taken(graph: Any) -> list[str] | None:
    """The keys of the state that may be given; `None` where the state is no mapping."""
    builder = getattr(graph, "builder", None)
    if builder is None:
        return None
    keys = list(builder.schemas[builder.input_schema])
    return None if "__root__" in keys else keys


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))


def _meant(name: str, taken: Iterable[str]) -> str:
    close = get_close_matches(name, taken, n=1)
    return f"; did you mean {close[0]!r}?" if close else "."
