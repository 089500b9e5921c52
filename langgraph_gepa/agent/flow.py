"""Which texts in functions reach a model.

Every function is read once into edges: the text at one place comes from another place.
Places are variables, literals, attributes by name, and what functions return. Sinks are where a
model takes text in: messages, templates, model calls, arguments that are called prompts. What is
reachable from a sink along the edges flows.

Items under constant keys are kept apart, so that `PROMPTS["plan"]` does not use `PROMPTS["act"]`. The
reading is flow-insensitive and takes an attribute for the same wherever its name is the same: it may
believe a text flows that does not, it seldom misses one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from types import CodeType, FunctionType
from typing import Any, Literal, NamedTuple

import jinja2

from langgraph_gepa.agent import code, literals
from langgraph_gepa.agent.code import Position
from langgraph_gepa.search.module import Style

Place = tuple[Any, ...]
"""`("var", code, name)`, `("lit", code, position)`, `("ret", code)`, `("call", code, position)`, with `code` by
identity; `("attr", name)` and `("key", name)`: any attribute and any item of that name, so that what one
node puts into the state is followed to the node that reads it."""

Path = tuple[Hashable, ...]
"""Keys from a place to an item within it, outermost first; `()` is the whole, `ANY` an item under any key."""

ANY = None


class Given(NamedTuple):
    """A key that is what a parameter is given."""

    code: int
    parameter: str


Way = Literal["same", "made", "filled", "in", "through"]
"""How text comes from a place: it is the same text, it is joined with others, it is filled in, it is put into another
text, it is what unknown code makes of it."""
WAYS: tuple[Way, ...] = ("same", "made", "filled", "in", "through")


class Kept(NamedTuple):
    """Text in which `token` is replaced, so that it must keep it."""

    token: str


class Rendered(NamedTuple):
    """Text that jinja2 renders in an environment, `None` for one with the syntax that jinja2 has by default."""

    environment: jinja2.Environment | None


class Within(NamedTuple):
    """Text that is put into a text which is filled in."""

    use: Style | Rendered


class Again(NamedTuple):
    """Text whose filling is filled in once more, in another language or the same."""

    use: Style | Rendered


Use = Literal["prompt", "inserted", "tool", "tools", "opaque", "foreign"] | Style | Kept | Rendered | Within | Again
"""`inserted` is text put into a prompt's placeholder; `tools` are objects that describe themselves; `opaque` is text of
which unknown code makes something, `foreign` a template in a language or a syntax that is not known."""

Demand = tuple[Path, Use]
"""What is used of an object, and how."""

PROMPT_NAME = re.compile(
    r"(?:^|_)(?:prompts?|instructions?|sys(?:tem)?_(?:message|msg|text)|state_modifier)(?:_|$)", re.IGNORECASE
)

_DEEP = 3
LANGUAGES: tuple[Style, ...] = ("jinja2", "mustache", "format", "percent", "dollars")
"""What a text can be filled in as."""


class Source(NamedTuple):
    """Text comes from what is under `taken` at `place`, and is found under `into` where it arrives."""

    place: Place
    way: Way = "same"
    taken: Path = ()
    into: Path = ()


@dataclass(slots=True)
class Reading:
    """What was read in one function. `described` are the texts of classes in it, each with the class's name
    and the field's."""

    function: FunctionType
    node: code.Function
    texts: dict[Position, literals.Literal] = field(default_factory=dict)
    hints: dict[Position, str] = field(default_factory=dict)
    loose: set[Position] = field(default_factory=set)
    described: dict[Position, str] = field(default_factory=dict)


@dataclass(slots=True)
class Flow:
    """The edges of every function read so far, the sinks, and the methods by name with what calls them: how to link a
    call to a method, and to none that is read. `framework` tells how LangChain's code uses an argument."""

    readings: dict[int, Reading] = field(default_factory=dict)
    edges: dict[Place, list[Source]] = field(default_factory=lambda: defaultdict(list))
    sinks: list[tuple[Place, Path, Use]] = field(default_factory=list)
    methods: dict[str, list[CodeType]] = field(default_factory=lambda: defaultdict(list))
    method_calls: list[tuple[str, Callable[[CodeType], None], Callable[[], None]]] = field(default_factory=list)
    given: dict[Given, set[Hashable]] = field(default_factory=lambda: defaultdict(set))
    framework: Callable[[Any, str], frozenset[Demand]] = lambda target, argument: frozenset()  # noqa: ARG005

    def returns(self, function: FunctionType) -> None:
        """Says that a model is given what `function` returns."""
        self.sinks.append((("ret", id(function.__code__)), (), "prompt"))

    def solve(self) -> Solution:
        for name, link, passed in self.method_calls:
            for target in self.methods.get(name, ()):
                link(target)
            if name not in self.methods:
                passed()
        self.method_calls.clear()
        reached: dict[Place, set[Demand]] = defaultdict(set)
        todo = [(place, path, use) for place, asked, use in self.sinks for path in self._paths(asked)]
        while todo:
            place, path, use = todo.pop()
            if (path, use) in reached[place]:
                continue
            reached[place].add((path, use))
            for source in self.edges.get(place, ()):
                rest = None if use == "opaque" and source.into else under(path, source.into)
                given = carried(use, source.way)
                if rest is not None and given is not None:
                    asked = (*source.taken, *rest)[:_DEEP]
                    todo.extend((source.place, path, given) for path in self._paths(asked))
        return Solution({place: frozenset(demands) for place, demands in reached.items()})

    def _paths(self, asked: Path) -> Iterator[Path]:
        """The paths with what the parameters in them are given at the calls we see."""
        if not any(isinstance(key, Given) for key in asked):
            yield asked
            return
        yield from product(*([*self._constants(key)] if isinstance(key, Given) else [key] for key in asked))

    def _constants(self, key: Given) -> set[Hashable]:
        found, todo, met = set[Hashable](), [key], {key}
        while todo:
            for constant in self.given.get(todo.pop(), {ANY}):
                if not isinstance(constant, Given):
                    found.add(constant)
                elif constant not in met:
                    met.add(constant)
                    todo.append(constant)
        return {ANY} if ANY in found or not found else found


@dataclass(frozen=True, slots=True)
class Solution:
    """What is used of each place. A place that is not here reaches no model that we can see."""

    demands: dict[Place, frozenset[Demand]]

    def at(self, place: Place) -> frozenset[Demand]:
        return self.demands.get(place, frozenset())

    def of(self, place: Place) -> frozenset[Use]:
        """How the place as a whole is used."""
        return whole(self.at(place))


def under(path: Path, into: Path) -> Path | None:
    """What `path` asks of the part that stands under `into`; `None` when it asks for another part."""
    for asked, there in zip(path, into, strict=False):
        if asked != there and ANY not in (asked, there):
            return None
    return path[len(into) :]


def whole(demands: Iterable[Demand]) -> frozenset[Use]:
    return frozenset(use for path, use in demands if not path)


def carried(use: Use, way: Way) -> Use | None:
    """How text is used that comes to a use in a way: what is done to the whole is done to what was put into it."""
    if way == "through":
        return None if use in ("tool", "tools") else "opaque"
    if use in ("prompt", "tool") and way == "in":
        return "inserted"
    if way != "same" and (isinstance(use, Rendered) or use in LANGUAGES):
        return Again(use) if way == "filled" else Within(use)
    return Again(use.use) if way == "filled" and isinstance(use, Within) else use


def style_of(uses: Iterable[object]) -> Style:
    """The style of a text by its uses: a template's where it is one, else plain. One that is used in several ways has
    to be right in all of them."""
    found = {"jinja2" if isinstance(use, Rendered) else use for use in uses}
    used = [style for style in LANGUAGES if style in found]
    if len(used) > 1 or not found.isdisjoint(("unknown", "opaque", "foreign")):
        return "unknown"
    return used[0] if used else "plain"
