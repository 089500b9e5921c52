"""Objects of the user's that raise, lie or have no end: discovery looks past them and finds what else is there."""

from __future__ import annotations

import dataclasses
import functools
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langchain_core.messages import SystemMessage
from langgraph.graph import START, StateGraph

from langgraph_gepa import bind, discover


class State(TypedDict, total=False):
    question: str


def boom(*_: object, **__: object) -> Any:
    raise RuntimeError("touched")


class Raises:
    """Raises whatever is done with it."""

    __getattribute__ = boom
    __eq__ = __ne__ = __hash__ = __bool__ = __len__ = __iter__ = __contains__ = __getitem__ = __str__ = boom


class RaisesOnAttributes:
    value = property(boom)
    __eq__ = __ne__ = __bool__ = __len__ = __iter__ = boom

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __hash__(self) -> int:
        return 1


class Proxy:
    """As werkzeug's, which asks for a request to say of what class it is."""

    __class__ = property(boom)  # type: ignore[assignment]


class Column:
    """A key of a table whose comparison is an expression without a truth value."""

    def __eq__(self, other: object) -> Any:
        return RaisesOnAttributes()

    __ne__ = __eq__

    def __hash__(self) -> int:
        return 7


class RaisingDict(dict[str, str]):
    __len__ = __iter__ = items = keys = values = __getitem__ = __contains__ = get = boom  # type: ignore[assignment]


class RaisingText(str):
    __slots__ = ()
    __eq__ = __ne__ = __hash__ = __len__ = split = strip = __contains__ = boom  # type: ignore[assignment]


class Descriptor:
    def __get__(self, instance: object, owner: type) -> Any:
        raise RuntimeError("asked")


class Described:
    asked = Descriptor()


class ModuleIsNoText:
    """As classes of compiled extensions may be."""


ModuleIsNoText.__module__ = 5  # type: ignore[assignment]


class HalfImported(types.ModuleType):
    def __getattribute__(self, name: str) -> Any:
        raise ImportError(name)


@dataclasses.dataclass
class BrokenAnnotation:
    field: 1 / 0 = None  # type: ignore[valid-type]


class Circle:
    def __init__(self) -> None:
        self.me = self
        self.all: list[Any] = [self]
        self.all.append(self.all)


class WithoutEnd:
    def __init__(self) -> None:
        self.all: list[Any] = []
        last = self.all
        for _ in range(5_000):
            last.append([])
            last = last[0]


def more_defaults(*arguments: object) -> object:
    return arguments


more_defaults.__defaults__ = ("The weight of an edge is one.",)
more_defaults.__kwdefaults__ = {"nobody": "A default that no parameter has."}

STRANGERS: dict[str, Callable[[], Any]] = {
    "raises": Raises,
    "raises on attributes": RaisesOnAttributes,
    "proxy": Proxy,
    "keys that are no truth values": lambda: {Column(): "A text under a column.", "other": 1},
    "keys of all kinds": lambda: {frozenset({1}): "A set.", 1.5: "A float.", ("a", 1): "A pair.", b"x": "Bytes."},
    "dict": lambda: RaisingDict(a="A text in a dict."),
    "text": lambda: RaisingText("A text that raises when it is compared."),
    "descriptor": Described,
    "module is no text": ModuleIsNoText,
    "class whose module is no text": lambda: ModuleIsNoText,
    "half imported": lambda: HalfImported("half_imported"),
    "broken annotation": BrokenAnnotation,
    "circle": Circle,
    "without end": WithoutEnd,
    "more defaults": lambda: more_defaults,
    "more arguments": lambda: functools.partial(more_defaults, 1, 2, 3),
    "million": lambda: {number: f"Entry number {number}." for number in range(1_000_000)},
    "rows": lambda: [{column: f"Row {row}, {column}." for column in range(300)} for row in range(300)],
}


@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in STRANGERS.items()])
def test_discovery_never_raises(make: Callable[[], Any], echo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a closure, a default, an attribute or a list holds, the prompt beside it is found and bound."""
    held = make()

    class Node:
        prompt = "You answer beside a stranger."
        stranger = held

        def __init__(self) -> None:
            self.held = self.more = [held, {"held": held}, (held,)]
            self.held = held

        def __call__(self, state: State, default: Any = held) -> State:
            def unused() -> Any:
                return (
                    held.attribute,
                    held["key"],
                    held(1),
                    self.held.x,
                    self.more,
                    self.stranger,
                    Path(held).read_text(),
                    default == held,
                )

            echo.invoke([SystemMessage(self.prompt)])
            return {}

    graph = StateGraph(State).add_node("007", Node()).add_edge(START, "007").compile()
    monkeypatch.setitem(sys.modules, "a_stranger", held)
    found = {module.text: module for module in discover(graph)}
    prompt = found["You answer beside a stranger."]
    assert (prompt.on, prompt.nodes) == (True, ("007",))
    assert len(found) < 3_000
    bind(graph, {prompt.name: "You answer anew."}).invoke({"question": "?"})
    assert "You answer anew." in echo.heard()
