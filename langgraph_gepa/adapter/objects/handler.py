"""The protocol of handlers: steps from an object to its parts, and how a copy is made."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from types import CellType, ModuleType
from typing import Any, Protocol

Step = tuple[Hashable, ...]
"""From an object to one of its parts: a kind of step and what identifies the part, such as `("attr", "prompt")`."""


class Key:
    """A key of a mapping by identity: comparing an object of the user's could run any code."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return type(other) is Key and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)

    def __repr__(self) -> str:
        return f"<{type(self.value).__name__}>"


ABSENT: Any = object()
"""Stands for a part that the copy must not have."""


class Copies(Protocol):
    """The copies that a handler can look up while it makes one."""

    def cell(self, cell: CellType) -> CellType:
        """The copy of a closure cell, or the cell itself if it is not copied."""
        ...

    def part(self, part: Any) -> Any:
        """The copy of a part, which may not be filled yet, or the part itself if it is not copied."""
        ...

    def module(self, names: dict[str, Any]) -> ModuleType:
        """The copy of the module with these global names, shared by all copied functions of the module."""
        ...

    def imports_copies(self, names: dict[str, Any]) -> None:
        """Makes functions with these global names, which are a copy's, import copies of modules."""
        ...

    def is_assigned(self, names: dict[str, Any]) -> bool:
        """Whether functions assign to these global names when they run."""
        ...


class Handler:
    """One kind of object. A handler implements `shell` and `fill`, or is `whole` and implements `make`."""

    whole = False
    """Whether copies are made whole, because the objects are immutable."""

    def handles(self, value: Any) -> bool:
        """Whether this is the handler of an object."""
        raise NotImplementedError

    def parts(self, value: Any) -> Iterator[tuple[Step, Any]]:  # noqa: ARG002 - for those that override it
        """The parts of interest, in an order that is the same in every run."""
        return iter(())

    def shell(self, value: Any, steps: Mapping[Step, str | None], copies: Copies) -> Any:
        """An unfilled copy. `steps` lead to the parts that will be replaced, each with its new text if it is a text."""
        raise NotImplementedError

    def fill(self, value: Any, copy: Any, changes: Mapping[Step, Any], copies: Copies) -> None:
        """Puts the replaced parts into the copy, unless the shell has them already."""

    def make(self, value: Any, changes: Mapping[Step, Any]) -> Any:
        """A copy with parts replaced."""
        raise NotImplementedError
