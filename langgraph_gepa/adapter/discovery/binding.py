"""Binds new texts to the graph they were found in: checks them, and copies what leads from the graph to its texts."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.dataflow.text_files import Files
from langgraph_gepa.adapter.discovery.node_paths import AnyGraph
from langgraph_gepa.adapter.isolation import graph_copies
from langgraph_gepa.adapter.objects import classes
from langgraph_gepa.adapter.objects.place import Place, PlaceKey
from langgraph_gepa.adapter.objects.walk import Walk
from langgraph_gepa.adapter.tracing.injection import Injection, inject, replacements
from langgraph_gepa.core import matching
from langgraph_gepa.core.module import Module, Style, Texts
from langgraph_gepa.errors import GraphError, PlaceholderError


@dataclass(frozen=True, slots=True)
class Composite:
    """A text in memory that is `module`'s with its placeholders filled: by the texts of other modules, its `parts`,
    and by `values`."""

    module: str
    parts: Mapping[str, str]
    style: Style = "format"
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def modules(self) -> set[str]:
        return {self.module, *self.parts.values()}

    def filled(self, texts: Texts) -> str:
        parts = {key: texts[name] for key, name in self.parts.items()}
        filled = matching.filled(texts[self.module], self.style, {**self.values, **parts})
        return texts[self.module] if filled is None else filled


@dataclass(frozen=True, slots=True)
class FoundTexts:
    """The modules of one graph, with all that is needed to bind texts to it any number of times.

    - `places`: where the text of a module stands in memory. Modules without places are injected when the graph runs:
      the `declared` by name, others in messages.
    - `composites`: the texts in memory that are made of several.
    - `leading`: the ids of the objects that lead to the text of a module.
    - `fed`: the ids of what functions write to that a module's text leads to.
    - `state`: the ids of the classes of objects that the state may hold.
    - `pulls`: the prompts of LangSmith's hub that functions pull when they run, with the nodes that reach these.
    """

    graph: AnyGraph
    walk: Walk
    modules: Mapping[str, Module]
    places: Mapping[str, tuple[Place, ...]]
    composites: Mapping[PlaceKey, Composite]
    leading: Mapping[str, set[int]]
    fed: Collection[int]
    declared: frozenset[str]
    files: Files
    state: frozenset[int]
    pulls: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def bind(self, texts: Texts) -> AnyGraph:
        """A copy of the graph with these texts, which have to be valid."""
        changed = {name: text for name, text in texts.items() if text != self.modules[name].text}
        keys = {id(self.graph), id(lasting(self.graph)), *self.fed}
        keys |= keys.union(*(self.leading.get(name, ()) for name in changed))
        copy = graph_copies.copies_of(self.walk, self._in_memory(changed), keys)
        bound: AnyGraph = copy(id(self.graph))
        copied = {self.walk.nodes[key].value: copy(key) for key in keys & self.state}
        injected = [m for m in self.modules.values() if m.name not in self.places and m.name not in self.declared]
        declared = {name: text for name, text in changed.items() if name in self.declared}
        return inject(bound, Injection(declared, replacements(injected, changed), copied))

    def _in_memory(self, texts: Texts) -> dict[PlaceKey, str]:
        """What stands in memory when modules with places have these texts."""
        held = {name: text for name, text in texts.items() if name in self.places}
        all_texts = {name: module.text for name, module in self.modules.items()} | held
        by_place = {place.key: text for name, text in held.items() for place in self.places[name]}
        composites = {key: one for key, one in self.composites.items() if one.modules & held.keys()}
        return by_place | {key: one.filled(all_texts) for key, one in composites.items()}

    def entries(self) -> frozenset[str]:
        """The modules of which a run picks some: entries of a list or mapping, or texts in objects that are entries."""
        return frozenset(
            name for name, places in self.places.items() if all(_is_entry(self.walk, place) for place in places)
        )

    def require(self, texts: Texts) -> None:
        """Raises for the first text that may not be bound."""
        for name, text in dict[str, Any](texts).items():
            module = self.module(name)
            if not isinstance(text, str):
                raise GraphError(f"the text of {name!r} is of type {type(text).__name__}; give the text itself")
            if text == module.text:
                continue
            if module.reason:
                raise GraphError(f"the text of {name!r} cannot be replaced: {module.reason}")
            if (complaint := self.check(name, text)) is not None:
                raise PlaceholderError(f"{name}: {complaint}")

    def module(self, name: str) -> Module:
        if name in self.modules:
            return self.modules[name]
        close = difflib.get_close_matches(name, self.modules, n=3, cutoff=0.5) or sorted(self.modules)[:5]
        hint = f"did you mean {', '.join(close)}?" if close else "no module was found in this graph"
        raise GraphError(f"the graph has no module {name!r}; {hint}")

    def check(self, name: str, text: str) -> str | None:
        """Why a text may not replace the module's, given what fills it in; `None` when it may."""
        module = self.module(name)
        places = self.places.get(name, ())
        injected = name not in self.places and name not in self.declared
        if injected and matching.split(text, module.style, module.placeholders) is None:
            return "the text is put into messages as it is: placeholders may only be written plainly"
        return templates.check(
            text,
            module.text,
            module.style,
            module.placeholders,
            again={style for place in places for style in place.again},
            environment=next((place.environment for place in places if place.environment is not None), None),
            once={name for place in places if place.literal is not None for name in place.literal.calling()},
        )


def _is_entry(walk: Walk, place: Place) -> bool:
    owner = walk.nodes[place.owner].value
    if place.step[0] == "item":
        return len(walk.nodes[place.owner].parts) > 1 and not (type(owner) is dict and "content" in owner)
    if isinstance(owner, type) or not classes.own(type(owner)):
        return False
    holders = (holder for holder, step in walk.holders[place.owner] if step[0] == "item")
    return any(len(walk.nodes[holder].parts) > 1 for holder in holders)


def lasting(graph: AnyGraph) -> Any:
    """What a compiled graph shares with the graphs that `with_config` makes of it."""
    return getattr(graph, "builder", graph)
