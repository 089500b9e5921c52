"""The data-flow graph of the functions that were read, and its solution: which texts reach a model, and how.

Every function is read once into edges: the text at one vertex comes from another. Vertices are variables, literals,
attributes by name, and results of functions. Sinks are where a model takes text in: messages, templates, model calls,
arguments named like prompts. A text flows if it is reachable from a sink; the path decides how it is used (`uses`).

Items under constant keys are kept apart, so that `PROMPTS["plan"]` does not use `PROMPTS["act"]`. The analysis is
flow-insensitive and identifies attributes by name: it may report a flow that does not exist, and seldom misses one.
A branch is left out when the constants passed at every call exclude it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from types import CodeType, FunctionType
from typing import Any, NamedTuple

from langgraph_gepa.adapter.dataflow.uses import WAYS, Choice, Use, Way, carried
from langgraph_gepa.adapter.objects import source_code, text_literals
from langgraph_gepa.adapter.objects.source_code import Position
from langgraph_gepa.core.module import Kind

Vertex = tuple[Any, ...]
"""`("var", code, name)`, `("lit", code, position)`, `("ret", code)`, `("call", code, position)`, with `code` the id of
the code object; `("attr", name)` and `("key", name)` are any attribute and any item of that name, so that what one node
puts into the state is followed to the node that reads it."""

Path = tuple[Hashable, ...]
"""Keys from a vertex to an item within it, outermost first; `()` is the whole, `ANY` an item under any key."""

ANY = None
CLASS = "__class__"
"""The key under which an object's class is found."""


class Given(NamedTuple):
    """A key whose value is the argument passed for a parameter."""

    code: int
    parameter: str


class Guard(NamedTuple):
    """A condition under which a branch is taken: the parameter `given` is one of `values` (is not, unless `positive`).

    With `values` of `None`, the condition is that the parameter is true.
    """

    given: Given
    values: frozenset[Hashable] | None
    positive: bool


PartUse = tuple[Path, Use]
"""The part of an object that is used, and how."""

_DEEP = 3
_MANY = 5
"""From this many assignments of one variable, or results of one function, its texts count as a table."""
_MESSAGE_KEYS = frozenset({"messages", "input", "content", "text"})
"""Keys of a model's input that hold messages, rather than values for a template."""


class Source(NamedTuple):
    """An edge: text comes from the part `taken` of `vertex` and arrives as the part `into` of the target.

    `way` is what happens to it, `choice` when it is the one that arrives, `guards` the branch it stands in.
    """

    vertex: Vertex
    way: Way = "same"
    taken: Path = ()
    into: Path = ()
    choice: Choice = "always"
    guards: tuple[Guard, ...] = ()

    def put_under(self, *keys: Hashable) -> Source:
        """The same source, arriving as a part of the target."""
        return self._replace(into=(*keys, *self.into))

    def part(self, key: Hashable) -> Source:
        """The part of the source under a key."""
        return self._replace(taken=(*self.taken, key))

    def joined(self, way: Way) -> Source:
        """The source after one more step: of two ways the one that changes the text more remains."""
        return self._replace(way=max(self.way, way, key=WAYS.index), into=())

    def chosen(self, choice: Choice) -> Source:
        """The source with a choice, unless it has one already; a key that is written out is none."""
        return self._replace(choice=choice) if self.choice in ("always", "key") else self


def items_of(sources: Iterable[Source], key: Hashable, choice: Choice) -> Iterator[Source]:
    """The sources of what a container holds under `key`; `ANY` for an item under any key."""
    for source in sources:
        if not source.into:
            yield source.part(key).chosen(choice)
        elif (rest := under((key,), source.into[:1])) is not None:
            picked: Choice = "pick" if choice in ("key", "pick") and key is ANY else "always"
            yield source._replace(into=(*rest, *source.into[1:])).chosen(picked)


@dataclass(slots=True)
class Reading:
    """What was read in one function, by position of the literal.

    - `texts`: the literals; `hints`: the names they are assigned to; `loose`: those of a sentence's length that may
      reach a model unseen.
    - `described`: descriptions of classes, JSON schemas and tools, with kind and name.
    - `beside`: messages that stand beside another message.
    - `filling`: the sources of what a literal with placeholders is filled with.
    - `outputs`: messages that report an exception or an agent's result.
    """

    function: FunctionType
    node: source_code.Function
    texts: dict[Position, text_literals.Literal] = field(default_factory=dict)
    hints: dict[Position, str] = field(default_factory=dict)
    loose: set[Position] = field(default_factory=set)
    described: dict[Position, tuple[Kind, str]] = field(default_factory=dict)
    beside: set[Position] = field(default_factory=set)
    filling: dict[Position, list[Source]] = field(default_factory=lambda: defaultdict(list))
    outputs: set[Position] = field(default_factory=set)


@dataclass(slots=True)
class Flow:
    """The edges and sinks of every function read so far.

    - `methods`: code of the methods that were read, by name; `method_calls`: what to do for a call of a method, with
      each method of its name, and without any.
    - `hints`: sinks that count only if no method of that name was read.
    - `constants`: the constant keys passed for each parameter.
    - `computed`: parts of vertices that may hold what no source writes out.
    - `required`: parameters without a default.
    - `assignments`: how often a variable is assigned a text, or a function returns one.
    - `output_functions`: the functions whose results are outputs.
    - `library_uses`: how code that is not read uses an argument, by function and argument name.
    """

    readings: dict[int, Reading] = field(default_factory=dict)
    edges: dict[Vertex, list[Source]] = field(default_factory=lambda: defaultdict(list))
    sinks: list[tuple[Source, Use]] = field(default_factory=list)
    methods: dict[str, list[CodeType]] = field(default_factory=lambda: defaultdict(list))
    method_calls: list[tuple[str, Callable[[CodeType], None], Callable[[], None]]] = field(default_factory=list)
    hints: list[tuple[str, Source, Use]] = field(default_factory=list)
    constants: dict[Given, set[Hashable]] = field(default_factory=lambda: defaultdict(set))
    computed: set[tuple[Vertex, Path]] = field(default_factory=set)
    required: set[Vertex] = field(default_factory=set)
    assignments: Counter[Vertex] = field(default_factory=Counter)
    output_functions: set[int] = field(default_factory=set)
    library_uses: Callable[[Any, str], frozenset[PartUse]] = lambda target, argument: frozenset()  # noqa: ARG005

    def add_result(self, function: FunctionType) -> None:
        """Adds the result of `function` as a prompt."""
        self.sinks.append((Source(("ret", id(function.__code__))), "prompt"))

    def solve(self) -> Solution:
        """Follows the edges back from every sink."""
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
        todo = [start for source, use in self.sinks for start in self._behind(source, (), use)]
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
        """The vertex of a source with the part of it that is used, and how; nothing for a branch no call takes.

        A key that is not known at the calls that were read is a pick.
        """
        if not all(map(self._may_hold, source.guards)):
            return
        for path in self._paths((*source.taken, *rest)[:_DEEP]):
            picked = source.choice == "key" and ANY in path[: len(source.taken)]
            if (behind := carried(use, source.way, "pick" if picked else source.choice)) is not None:
                yield source.vertex, path, behind

    def _may_hold(self, guard: Guard) -> bool:
        if guard.given not in self.constants:
            return True
        constants = self._constants(guard.given)
        return ANY in constants or any(
            (bool(one) if guard.values is None else one in guard.values) == guard.positive for one in constants
        )

    def _at(self, vertex: Vertex, path: Path, use: Use, computed: set[tuple[Vertex, Path]]) -> Use:
        """How a vertex is used, given that it may hold other texts as well."""
        if vertex[0] == "ret" and vertex[1] in self.output_functions:
            return carried(use, "same", "output") or use
        if (vertex, ()) in computed or (path and (vertex, path[:1]) in computed):
            if vertex[0] == "key":
                return carried(use, "same", "output") or use
            return carried(use, "same", "fallback") or use
        if self.assignments[vertex] > 1:
            many = self.assignments[vertex] >= _MANY
            return carried(use, "same", "pick" if many and use != "prompt" else "branch") or use
        return use

    def _computed(self) -> set[tuple[Vertex, Path]]:
        """The parts of vertices that may hold what no source writes out, directly or by way of others."""
        below: dict[Vertex, list[tuple[Vertex, Source]]] = defaultdict(list)
        for vertex, sources in self.edges.items():
            for source in sources:
                if source.way in ("same", "made", "filled"):
                    below[source.vertex].append((vertex, source))
        leaves = {vertex for vertex in below if vertex[0] == "call"} | self.required
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

    def _paths(self, path: Path) -> Iterator[Path]:
        """The paths with each parameter replaced by the constants passed for it."""
        yield from product(*(self._constants(key) if isinstance(key, Given) else (key,) for key in path))

    def _constants(self, key: Given) -> set[Hashable]:
        found, todo, met = set[Hashable](), [key], {key}
        while todo:
            for constant in self.constants.get(todo.pop(), {ANY}):
                if not isinstance(constant, Given):
                    found.add(constant)
                elif constant not in met:
                    met.add(constant)
                    todo.append(constant)
        return {ANY} if ANY in found or not found else found


@dataclass(frozen=True, slots=True)
class Solution:
    """How the parts of each vertex are used. A vertex that is missing reaches no model as far as the code shows."""

    uses: dict[Vertex, frozenset[PartUse]]

    def part_uses(self, vertex: Vertex) -> frozenset[PartUse]:
        return self.uses.get(vertex, frozenset())

    def whole_uses(self, vertex: Vertex) -> frozenset[Use]:
        """How the vertex is used as a whole."""
        return whole_uses(self.part_uses(vertex))


def under(path: Path, into: Path) -> Path | None:
    """The rest of `path` within the part `into`; `None` if it leads to another part."""
    for key, other in zip(path, into, strict=False):
        if key != other and ANY not in (key, other):
            return None
    return path[len(into) :]


def whole_uses(part_uses: Iterable[PartUse]) -> frozenset[Use]:
    """The uses that are of the whole object rather than of a part."""
    return frozenset(use for path, use in part_uses if not path)


def _entry(path: Path, source: Source, use: Use) -> Use:
    """How an entry is used when its mapping is the input of a model or chain."""
    key = source.into[0] if source.into and not path else ANY
    if isinstance(key, str) and key not in _MESSAGE_KEYS and use in ("prompt", "reported", "option", "near"):
        return "inserted"
    return use
