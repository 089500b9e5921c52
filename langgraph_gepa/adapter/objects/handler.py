"""What a handler is."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from types import CellType, ModuleType
from typing import Any, Protocol

Step = tuple[Hashable, ...]
"""From an object to one of its parts: a kind of step and what tells parts of that kind apart, `("attr", "prompt")`."""


class Key:
    """A key of a mapping that is told apart by identity: to compare an object of the user's may run any code."""

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
"""In place of a part that a copy is not to have."""


class Copies(Protocol):
    """What a shell may ask for while it is made."""

    def cell(self, cell: CellType) -> CellType:
        """The copy of a closure cell if it gets one, else the cell itself."""
        ...

    def part(self, part: Any) -> Any:
        """The copy of a part if it gets one, else the part itself. It may not be filled yet."""
        ...

    def module(self, names: dict[str, Any]) -> ModuleType:
        """The copy of a module with these global names, which all copied functions of the module share."""
        ...

    def imports_copies(self, names: dict[str, Any]) -> None:
        """Has functions that are made with these global names, which are a copy's, import the copies of modules."""
        ...

    def is_assigned(self, names: dict[str, Any]) -> bool:
        """Whether functions assign to these global names when they run."""
        ...


class Handler:
    """One kind of object. Handlers that give no `shell` implement `make`."""

    whole = False
    """Whether copies are made whole, because they cannot be changed afterwards."""

    def handles(self, value: Any) -> bool:
        raise NotImplementedError

    def parts(self, value: Any) -> Iterator[tuple[Step, Any]]:
        """The parts of interest, in an order that does not change from run to run."""
        raise NotImplementedError

    def shell(self, value: Any, steps: Mapping[Step, str | None], copies: Copies) -> Any:
        """An unfilled copy. `steps` are those that will be replaced, with the new text for those that are texts."""
        raise NotImplementedError

    def fill(self, value: Any, copy: Any, changes: Mapping[Step, Any], copies: Copies) -> None:
        """Puts the replaced parts into the copy."""
        raise NotImplementedError

    def make(self, value: Any, changes: Mapping[Step, Any]) -> Any:
        """A copy with parts replaced, made in one go."""
        raise NotImplementedError
