"""A place in memory where a text stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import jinja2

from langgraph_gepa.adapter.objects import Step
from langgraph_gepa.adapter.objects.literals import Literal
from langgraph_gepa.core.module import Evidence, Kind, Off, Style

Spot = tuple[int, Step]
"""An object by identity, and the step to one of its parts."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A text in an object. Several may be the same module. `tool` is the name of the tool or schema it describes,
    with that of the argument or field (`search.query`); `off` is why it is only possible; `literal` is there when it is
    written in code;
    `tokens` are what the program replaces in it; `again` is what fills in what its filling gives, `environment` the one
    in which jinja2 renders it; `parts` are the texts of others in it, by placeholder, and `values` what else has
    been filled into it already. `gathered` says that it was not there before the graph ran."""

    owner: int
    step: Step
    text: str
    kind: Kind = "prompt"
    style: Style = "plain"
    evidence: Evidence = "flows"
    hint: str = ""
    tool: str = ""
    off: Off | None = None
    literal: Literal | None = None
    reason: str = ""
    tokens: tuple[str, ...] = ()
    again: tuple[Style, ...] = ()
    environment: jinja2.Environment | None = None
    parts: Mapping[str, Spot] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    gathered: bool = False

    @property
    def spot(self) -> Spot:
        return self.owner, self.step

    @property
    def frozen(self) -> bool:
        """Whether it is what LangChain made of a tool or class rather than where that is written."""
        return self.step == ("item", "description") or (self.kind == "schema" and self.step == ("attr", "description"))
