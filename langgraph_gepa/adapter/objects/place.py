"""A place in memory where a text stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import jinja2

from langgraph_gepa.adapter.objects import Step
from langgraph_gepa.adapter.objects.text_literals import Literal
from langgraph_gepa.core.module import Evidence, Kind, Off, Style
from langgraph_gepa.core.reason import Reason

PlaceKey = tuple[int, Step]
"""What identifies a place: the id of the object that holds the text, and the step from it to the text."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place where a text stands in the graph's objects. A module may have several.

    - `tool`: the tool or schema that the text describes, such as `search`; `search.query` for one of its arguments or
      fields.
    - `off`: why the text is not optimised by default, `reason` the same in words.
    - `literal`: the literal in a function's code, when the text stands in one.
    - `tokens`: what the program replaces in the text.
    - `again`: the languages in which the filled text is filled once more; `environment` is jinja2's, if it has one.
    - `parts`: the places whose texts are filled into this one, by placeholder; `values`: what else is filled in.
    - `from_run`: whether the text came with a run, rather than with the program.
    """

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
    reason: Reason | None = None
    tokens: tuple[str, ...] = ()
    again: tuple[Style, ...] = ()
    environment: jinja2.Environment | None = None
    parts: Mapping[str, PlaceKey] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    from_run: bool = False

    @property
    def key(self) -> PlaceKey:
        return self.owner, self.step

    @property
    def frozen(self) -> bool:
        """Whether it is what LangChain made of a tool or class rather than where that is written."""
        return self.step == ("item", "description") or (self.kind == "schema" and self.step == ("attr", "description"))
