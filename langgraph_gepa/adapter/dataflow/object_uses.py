"""How the objects of a walk are used by the code and the frameworks that hold them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from enum import Enum
from functools import partial
from string import Template
from types import CellType, FunctionType
from typing import Any

from langchain_core.prompts import BasePromptTemplate
from langchain_core.runnables import Runnable, RunnableBinding

from langgraph_gepa.adapter.dataflow import libraries
from langgraph_gepa.adapter.dataflow.flow import CLASS, PartUse, Solution, under, whole_uses
from langgraph_gepa.adapter.dataflow.uses import PROMPT_NAME, Use
from langgraph_gepa.adapter.objects import Step, classes, functions, source_code
from langgraph_gepa.adapter.objects.walk import Node, Walk

_CARRIERS = (dict, list, tuple, CellType, type, Template, Enum)
_NONE: frozenset[PartUse] = frozenset()
_PROMPT: frozenset[PartUse] = frozenset({((), "prompt")})
_HINTED: frozenset[PartUse] = frozenset({((), "hinted")})
_DESCRIBED: frozenset[PartUse] = frozenset({((), "tools")})
_DESCRIBING = frozenset({
    "tools", "schema", "schemas", "schema_specs", "schema_spec", "json_schema", "pydantic_object", "args_schema",
    "response_format", "initial_response_format", "structured_output_tools", "ls_structured_output_format",
})  # fmt: skip
"""Names under which LangChain's objects and functions hold tools and schemas."""
_BOUND: frozenset[PartUse] = frozenset(((name,), "tools") for name in _DESCRIBING)


class ObjectUses:
    """The uses of the objects of a walk, passed on from containers to items and from a class to its fields' classes."""

    def __init__(self, walk: Walk, solution: Solution) -> None:
        self.walk = walk
        self.solution = solution
        self._held: dict[int, frozenset[PartUse]] = defaultdict(frozenset)
        self._pass_on()

    def of(self, step: Step, node: Node) -> frozenset[PartUse]:
        """How the part of `node` under a step is used, and which parts of that."""
        held = self._held.get(id(node.value), _NONE)
        match step:
            case ("content",):
                return held
            case ("item", 0) if (
                isinstance(node.value, tuple)
                and held & _DESCRIBED
                and len(node.value) == 2
                and type(node.value[0]) is str
            ):
                return _PROMPT
            case ("item", key):
                return frozenset((rest, use) for path, use in held if (rest := under(path, (key,))) is not None)
            case ("class",) if issubclass(type(node.value), Enum):
                return frozenset(((node.value.name, *path), use) for path, use in held)
            case ("class",):
                return frozenset((path[1:], use) for path, use in held if path[:1] == (CLASS,))
            case ("annotated", _, _):
                return held & _DESCRIBED
            case ("attr", "template") if isinstance(node.value, Template):
                language: Use = "dollars" if node.value.pattern is Template.pattern else "foreign"
                return held | {((), language)} if held else held
            case ("member", name) if held:
                return self._used(node, step) | {
                    (rest, use) for path, use in held if path and (rest := under(path, (name,))) is not None
                }
        return self._used(node, step)

    def described(self, key: int) -> bool:
        """Whether the object with this id is given to a model as a tool or schema."""
        return any(
            "tools" in whole_uses(self.of(step, self.walk.nodes[holder]))
            for holder, step in self.walk.holders.get(key, ())
        )

    def _pass_on(self) -> None:
        """Passes uses of containers on to what they hold, until nothing changes."""
        of_classes = any(CLASS in path for part_uses in self.solution.uses.values() for path, _ in part_uses)
        todo = list(self.walk.nodes)
        while todo:
            node = self.walk.nodes[todo.pop()]
            for step, part in node.parts:
                carries = issubclass(type(part), _CARRIERS)
                if id(part) in self.walk.nodes and (carries or of_classes):
                    given = self.of(step, node)
                    if not carries:
                        given = frozenset((path, use) for path, use in given if path[:1] == (CLASS,))
                    if not given <= self._held[id(part)]:
                        self._held[id(part)] |= given
                        todo.append(id(part))

    def _used(self, node: Node, step: Step) -> frozenset[PartUse]:
        """How the part under a step is used by the object itself, apart from what others use of the object."""
        value = node.value
        match step:
            case ("cell" | "kwdefault", str(name)) if isinstance(value, FunctionType):
                return self._variable(value, name)
            case ("import", str(name), *_):
                return self._variable(value, name)
            case ("global" | "closure", *names):
                return self._variable(value, ".".join(str(name) for name in names))
            case ("default", int(index)):
                return self._variable(value, functions.parameter_of(value, index))
            case ("keyword", str(name)) if isinstance(value, partial) and isinstance(value.func, FunctionType):
                return self._variable(value.func, name)
            case ("arg", int(index)) if isinstance(value, partial) and isinstance(value.func, FunctionType):
                taken = value.func.__code__.co_varnames[: value.func.__code__.co_argcount]
                return self._variable(value.func, taken[index]) if index < len(taken) else _NONE
            case ("field" | "member" | "factory", str(name)):
                used = self.solution.part_uses(("attr", source_code.unmangled(name)))
                own = classes.own(value if isinstance(value, type) else type(value))
                return used or (_named(name, _HINTED) if own else _named(name))
            case ("attr", "partial_variables") if isinstance(value, BasePromptTemplate):
                return _PROMPT
            case ("attr", "kwargs") if isinstance(value, RunnableBinding):
                return _BOUND
            case ("attr" | "private", str(name)):
                used = self.solution.part_uses(("attr", source_code.unmangled(name)))
                if classes.own(type(value)) and not isinstance(value, Runnable):
                    return used or _named(name, _HINTED)
                kind: Any = type(value)
                return used | _named(name) | self._library_uses(name, lambda: libraries.attribute_uses(kind, name))
        return _NONE

    def _variable(self, function: FunctionType, name: str) -> frozenset[PartUse]:
        if functions.own(function):
            return self.solution.part_uses(("var", id(function.__code__), name))
        return _named(name) | self._library_uses(name, lambda: libraries.variable_uses(function, name))

    def _library_uses(self, name: str, read: Callable[[], frozenset[PartUse]]) -> frozenset[PartUse]:
        """How a framework's code uses what it holds under a prompt's name."""
        return read() if PROMPT_NAME.search(name) else _NONE


def _named(name: str, prompt: frozenset[PartUse] = _PROMPT) -> frozenset[PartUse]:
    """How a framework uses what it holds under this name."""
    return prompt if PROMPT_NAME.search(name) else _DESCRIBED if name in _DESCRIBING else _NONE


def _is_pair(value: object) -> bool:
    """Whether an object is `(prompt, schema)`."""
    return isinstance(value, tuple) and len(value) == 2 and type(value[0]) is str
