"""A place in memory where a text stands."""

from __future__ import annotations

from dataclasses import dataclass

from langgraph_gepa.agent.anatomy import Step
from langgraph_gepa.agent.literals import Literal
from langgraph_gepa.search.module import Evidence, Kind, Style


@dataclass(frozen=True, slots=True)
class Slot:
    """A text in an object. Several may be the same module. `tool` is the name of the tool or schema it describes,
    with that of the argument or field (`search.query`); `literal` is there when it is written in code;
    `tokens` are what the program replaces in it."""

    owner: int
    step: Step
    text: str
    kind: Kind = "prompt"
    style: Style = "plain"
    evidence: Evidence = "flows"
    hint: str = ""
    tool: str = ""
    literal: Literal | None = None
    reason: str = ""
    tokens: tuple[str, ...] = ()

    @property
    def frozen(self) -> bool:
        """Whether it is what LangChain made of a tool or class rather than where that is written."""
        return self.step == ("item", "description") or (self.kind == "schema" and self.step == ("attr", "description"))
