"""A module: one text of the graph that can be optimised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Texts = Mapping[str, str]
"""Module name -> text. What a candidate is made of."""

Kind = Literal["prompt", "tool", "schema"]
Evidence = Literal["seen", "flows", "possible"]
Style = Literal["plain", "format", "fstring", "mustache", "jinja2"]


@dataclass(frozen=True, slots=True)
class Module:
    """One text that steers a model, and where it lives.

    `text` is the source form: placeholders appear as the template writes them
    (`{question}`, `{{question}}`), and `placeholders` names them in order of first use.
    `nodes` are the graph nodes that use the text, as paths from the root (`"team/writer"`
    for node `writer` of the subgraph at node `team`); `tools` are the tools at hand there.
    `evidence` is `seen` (a real call was watched carrying it), `flows` (reading the code or
    the objects shows that it reaches a model) or `possible`. `reason` says why the text
    cannot be replaced; empty when it can. `note` says how it is replaced where it has no
    place in memory.
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
    reason: str = ""
    note: str = ""

    @property
    def on(self) -> bool:
        """Whether it is optimised unless the user says otherwise."""
        return self.kind == "prompt" and self.evidence != "possible" and not self.reason

    @property
    def origin(self) -> str:
        """`file:line` where the text is written, or `""` when it has no known home."""
        if self.file is None:
            return ""
        return self.file if self.line is None else f"{self.file}:{self.line}"
