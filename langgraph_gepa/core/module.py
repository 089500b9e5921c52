"""A module: one text of the graph that can be optimised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator

from langgraph_gepa.core.reason import NoEffect, Note, Reason

Texts = Mapping[str, str]
"""Module name -> text. What a candidate is made of."""

Kind = Literal["prompt", "tool", "schema"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Evidence = Literal["seen", "flows", "possible"]
Style = Literal["plain", "format", "fstring", "percent", "dollars", "mustache", "jinja2", "unknown"]
"""The language of templates a text is written in: see `core.placeholders`."""


class Off(StrEnum):
    """Why a text that may reach a model is not optimised by default. Runs keep the code;
    `report.module_list` has the sentences."""

    UNPROVEN = "unproven"
    """No flow to a model was found, and no call was seen to carry it."""
    FILLING = "filling"
    """A value that is put into another text's placeholder."""
    TABLE = "table"
    """One of many texts of which a key computed at run time picks one."""
    FRAME = "frame"
    """Headings and labels around data."""
    OUTPUT = "output"
    """What a tool or node returns, or the program writes in the name of a tool or model."""
    PROTOCOL = "protocol"
    """Compared with what a model answers or the state holds."""
    LIBRARY = "library"
    """Written in an installed package, and not passed on by the user's code."""
    ELSEWHERE = "elsewhere"
    """Goes to another model or service than this graph's language models."""
    UNSENT = "unsent"
    """One of several that a run picks from: no watched call of its nodes carried it, and a new text reached none."""
    DATA = "data"
    """Varies with the time, or came from the examples, tools or models."""


@dataclass(frozen=True, slots=True)
class Module:
    """One text that steers a model, and where it lives.

    `text` is the source form: placeholders appear as the template writes them
    (`{question}`, `{{question}}`), and `placeholders` names them in order of first use.
    `nodes` are the graph nodes that use the text, as paths from the root (`"team/writer"`
    for node `writer` of the subgraph at node `team`); `tools` are the tools at hand there.
    `evidence` is `seen` (a real call was watched carrying it), `flows` (reading the code or
    the objects shows that it reaches a model) or `possible`, with the code `off` for why.
    `table` names the table of which a text is one entry. `reason` is why the text cannot be
    replaced, `None` when it can; `note` is how it is replaced where no object holds it: both are
    codes, and `str` makes sentences of them. `chosen` is the user's choice for or against the
    module; `None` leaves it at the default. `no_effect` is what rollouts proved, which is the reason then.
    `hub` is the commit in LangSmith's prompt hub that the text was pulled from, `name:commit` or `owner/name:commit`;
    such a text has no file.
    """

    name: str
    kind: Kind
    text: str
    style: Style = "plain"
    placeholders: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    file: str | None = None
    line: int | None = None
    evidence: Evidence = "flows"
    reason: Annotated[Reason | None, BeforeValidator(Reason.kept)] = None
    note: Annotated[Note | None, BeforeValidator(Note.kept)] = None
    off: Off | None = None
    table: str = ""
    chosen: bool | None = None
    no_effect: NoEffect | None = None
    hub: str = ""

    @property
    def on(self) -> bool:
        """Whether it is optimised: by the user's choice, else where it is a prompt that is known to reach a model."""
        by_default = self.kind == "prompt" and self.evidence != "possible"
        return not self.reason and (by_default if self.chosen is None else self.chosen)

    @property
    def origin(self) -> str:
        """`file:line` where the text is written, `hub:name:commit` in short, or `""` when it has no known home."""
        if self.hub:
            name, _, commit = self.hub.partition(":")
            return f"hub:{name}:{commit[:8]}"
        if self.file is None:
            return ""
        return self.file if self.line is None else f"{self.file}:{self.line}"
