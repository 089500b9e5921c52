"""Which texts in functions reach a model, and how.

Every function is read once into edges: the text at one vertex comes from another vertex.
Places are variables, literals, attributes by name, and what functions return. Sinks are where a
model takes text in: messages, templates, model calls, arguments that are called prompts. What is
reachable from a sink along the edges flows, and the way there says how it is used (`uses`).

Items under constant keys are kept apart, so that `PROMPTS["plan"]` does not use `PROMPTS["act"]`. The
reading is flow-insensitive and takes an attribute for the same wherever its name is the same: it may
believe a text flows that does not, it seldom misses one. Branches are left out where the constants that
a parameter is given at every call lead elsewhere.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from types import CodeType, FunctionType
from typing import Any, NamedTuple

from langgraph_gepa.adapter.dataflow.uses import Choice, Use, Way, carried
from langgraph_gepa.adapter.objects import literals, source_code
from langgraph_gepa.adapter.objects.source_code import Position
from langgraph_gepa.core.module import Kind

Vertex = tuple[Any, ...]
"""`("var", code, name)`, `("lit", code, position)`, `("ret", code)`, `("call", code, position)`, with `code` by
identity; `("attr", name)` and `("key", name)`: any attribute and any item of that name, so that what one
node puts into the state is followed to the node that reads it."""

Path = tuple[Hashable, ...]
"""Keys from a vertex to an item within it, outermost first; `()` is the whole, `ANY` an item under any key."""

ANY = None
CLASS = "__class__"
"""The key under which an object's class is found."""


class Given(NamedTuple):
    """A key that is what a parameter is given."""

    code: int
    parameter: str


class Guard(NamedTuple):
    """A branch that is taken where the parameter `given` is (or, unless `positive`, is not) one of `values`; without
    `values`, where it is true."""

    given: Given
    values: frozenset[Hashable] | None
    positive: bool


PartUse = tuple[Path, Use]
"""What is used of an object, and how."""

_DEEP = 3
_MANY = 5
"""Places where one variable is assigned a text, or a function returns one, from which these are a table."""
_TOLD = frozenset({"messages", "input", "content", "text"})
"""Keys of a mapping that a model is called with under which it is told something, rather than a template filled."""


class Source(NamedTuple):
    """Text comes from what is under `taken` at `vertex`, and is found under `into` where it arrives."""

    vertex: Vertex
    way: Way = "same"
    taken: Path = ()
    into: Path = ()
    choice: Choice = "always"
    guards: tuple[Guard, ...] = ()


@dataclass(slots=True)
class Reading:
    """What was read in one function. `described` are the texts of classes, JSON schemas and tools in it, each with the
    name of that and the field's; `beside` those of messages that others stand beside, `outputs` those that say what was
    raised or what an agent came to; `filling` is what stands between the labels of others."""

    function: FunctionType
    node: source_code.Function
    texts: dict[Position, literals.Literal] = field(default_factory=dict)
    hints: dict[Position, str] = field(default_factory=dict)
    loose: set[Position] = field(default_factory=set)
    described: dict[Position, tuple[Kind, str]] = field(default_factory=dict)
    beside: set[Position] = field(default_factory=set)
    filling: dict[Position, list[Source]] = field(default_factory=lambda: defaultdict(list))
    outputs: set[Position] = field(default_factory=set)


@dataclass(slots=True)
class Flow:
    """The edges of every function read so far, the sinks, and the methods by name with what calls them: how to link a
    call to a method, and to none that is read. `framework` tells how LangChain's code uses an argument.

    `computed` are items of vertices that may be what no source writes out, `taking` parameters that are so where
    nothing that was read gives them; `written` counts how often a vertex is assigned or returned, `returning` are the
    functions whose results are outputs, and `free` those that may be called from elsewhere than the calls that were
    read.
    """

    readings: dict[int, Reading] = field(default_factory=dict)
    edges: dict[Vertex, list[Source]] = field(default_factory=lambda: defaultdict(list))
    sinks: list[tuple[Source, Use]] = field(default_factory=list)
    methods: dict[str, list[CodeType]] = field(default_factory=lambda: defaultdict(list))
    method_calls: list[tuple[str, Callable[[CodeType], None], Callable[[], None]]] = field(default_factory=list)
    hints: list[tuple[str, Source, Use]] = field(default_factory=list)
    given: dict[Given, set[Hashable]] = field(default_factory=lambda: defaultdict(set))
    computed: set[tuple[Vertex, Path]] = field(default_factory=set)
    taking: set[Vertex] = field(default_factory=set)
    written: Counter[Vertex] = field(default_factory=Counter)
    returning: set[int] = field(default_factory=set)
    free: set[int] = field(default_factory=set)
    framework: Callable[[Any, str], frozenset[PartUse]] = lambda target, argument: frozenset()  # noqa: ARG005

    def returns(self, function: FunctionType) -> None:
        """Says that a model is given what `function` returns."""
        self.sinks.append((Source(("ret", id(function.__code__))), "prompt"))

    def solve(self) -> Solution:
        for name, link, passed in self.method_calls:
            for target in self.methods.get(name, ()):
                link(target)
            if name not in self.methods:
                passed()
        self.method_calls.clear()
        self.sinks += [(source, use) for name, source, use in self.hints if name not in self.methods]
        self.hints.clear()
        computed = self._computed()
        reached: dict[Vertex, set[PartUse]] = defaultdict(set)
        todo = [one for source, use in self.sinks for one in self._behind(source, (), use)]
        while todo:
            vertex, path, use = todo.pop()
            use = self._at(vertex, path, use, computed)
            if (path, use) in reached[vertex]:
                continue
            reached[vertex].add((path, use))
            for source in self.edges.get(vertex, ()):
                rest = None if use == "opaque" and source.into else under(path, source.into)
                if rest is not None:
                    todo.extend(self._behind(source, rest, _entry(path, source, use)))
        return Solution({vertex: frozenset(part_uses) for vertex, part_uses in reached.items()})

    def _behind(self, source: Source, rest: Path, use: Use) -> Iterator[tuple[Vertex, Path, Use]]:
        """What is asked of a source's vertex, and how it is used: nothing where no call leads to the branch it stands
        in. A key that is not known at the calls we see is a pick."""
        for asked in self._paths((*source.taken, *rest)[:_DEEP]) if all(map(self._taken, source.guards)) else ():
            picked = source.choice == "key" and ANY in asked[: len(source.taken)]
            if (taken := carried(use, source.way, "pick" if picked else source.choice)) is not None:
                yield source.vertex, asked, taken

    def _taken(self, guard: Guard) -> bool:
        if guard.given.code in self.free or guard.given not in self.given:
            return True
        constants = self._constants(guard.given)
        return ANY in constants or any(
            (bool(one) if guard.values is None else one in guard.values) == guard.positive for one in constants
        )

    def _at(self, vertex: Vertex, path: Path, use: Use, computed: set[tuple[Vertex, Path]]) -> Use:
        """How a vertex is used where there are others it may hold instead."""
        if vertex[0] == "ret" and vertex[1] in self.returning:
            return carried(use, "same", "output") or use
        if (vertex, ()) in computed or (path and (vertex, path[:1]) in computed):
            if vertex[0] == "key":
                return carried(use, "same", "output") or use
            return carried(use, "same", "fallback") or use
        if self.written[vertex] > 1:
            many = self.written[vertex] >= _MANY
            return carried(use, "same", "pick" if many and use != "prompt" else "branch") or use
        return use

    def _computed(self) -> set[tuple[Vertex, Path]]:
        """The items of vertices that may be what no source writes out, by themselves or by way of others."""
        below: dict[Vertex, list[tuple[Vertex, Source]]] = defaultdict(list)
        for vertex, sources in self.edges.items():
            for source in sources:
                if source.way in ("same", "made", "filled"):
                    below[source.vertex].append((vertex, source))
        leaves = {vertex for vertex in below if vertex[0] == "call"} | self.taking
        found = self.computed | {(vertex, ()) for vertex in leaves if not self.edges.get(vertex)}
        todo = list(found)
        while todo:
            vertex, path = todo.pop()
            for above, source in below[vertex]:
                if (rest := under(path, source.taken)) is None or source.into[:1] == (ANY,):
                    continue
                item = (above, source.into[:1] or rest[:1])
                if item not in found:
                    found.add(item)
                    todo.append(item)
        return found

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
    """What is used of each vertex. A vertex that is not here reaches no model that we can see."""

    uses: dict[Vertex, frozenset[PartUse]]

    def part_uses(self, vertex: Vertex) -> frozenset[PartUse]:
        return self.uses.get(vertex, frozenset())

    def whole_uses(self, vertex: Vertex) -> frozenset[Use]:
        """How the vertex as a whole is used."""
        return whole_uses(self.part_uses(vertex))


def under(path: Path, into: Path) -> Path | None:
    """What `path` asks of the part that stands under `into`; `None` when it asks for another part."""
    for asked, there in zip(path, into, strict=False):
        if asked != there and ANY not in (asked, there):
            return None
    return path[len(into) :]


def whole_uses(part_uses: Iterable[PartUse]) -> frozenset[Use]:
    return frozenset(use for path, use in part_uses if not path)


def _entry(path: Path, source: Source, use: Use) -> Use:
    """How an entry of a mapping is used that a model or chain is called with as a whole."""
    key = source.into[0] if source.into and not path else ANY
    if isinstance(key, str) and key not in _TOLD and use in ("prompt", "reported", "option", "near"):
        return "inserted"
    return use
