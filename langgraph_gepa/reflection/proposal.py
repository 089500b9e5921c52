"""The result of a reflection: a new text, or the code of the reason why there is none, and its sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Ending = Literal["", "cut", "withheld"]
"""How a model's reply ended: by itself, at a limit of its length, or held back by the provider's filter."""

Fault = Literal[
    "empty", "thinking", "unclosed", "unmarked", "several", "echo", "loop", "cut", "withheld",
    "refused", "repeated", "unanswered", "spent",
]  # fmt: skip
"""Why a reflection gives no text. `refused` is a text that the module cannot take, `repeated` one that was tried
before; `spent` says that the budget allowed no further reply."""

FAULTS: dict[Fault, str] = {
    "empty": "the reply holds no text",
    "thinking": "the reply ends inside its own thoughts",
    "unclosed": "the reply opens a block that it does not close",
    "unmarked": "the reply has no fenced block that is clearly the new text",
    "several": "the reply holds several blocks, and any of them could be the new text",
    "echo": "the text repeats the instructions or tags of the reflection prompt",
    "loop": "the text says the same over and over",
    "cut": "the reply was cut off at the model's output limit",
    "withheld": "the model's provider withheld the reply",
    "refused": "the text cannot be used",
    "repeated": "the text was proposed before",
    "unanswered": "the reflection model gave no answer",
    "spent": "the budget's reflections were spent",
}
"""The sentences of the faults."""

CUT_SHORT = frozenset({"cut", "thinking"})
"""The codes of replies that their limit of length cut short."""

DOUBTED = "doubted"
"""The code of a text that is not tried because the critic doubts that it helps."""

UNCHANGED = "unchanged"
"""The code of a reflection that leaves the text as it is, which is no fault."""


def in_words(code: str) -> str:
    """Returns the sentence of a code; an unknown code, of a newer version, is returned as it is."""
    own = {UNCHANGED: "nothing to change", DOUBTED: "the critic doubts that the new text helps"}
    known: Mapping[str, str] = own | {str(fault): words for fault, words in FAULTS.items()}
    return known.get(code, code)


@dataclass(frozen=True, slots=True)
class Proposal:
    """The new `text`, or `None` and why: `unchanged` (the model keeps the current one) or a `reason`.

    `detail` adds to the reason. `refused` is the text that the module cannot take.
    """

    text: str | None = None
    unchanged: bool = False
    reason: Fault | None = None
    detail: str = ""
    refused: str = ""

    @property
    def code(self) -> str:
        """Why there is no new text, as the journal keeps it: `unchanged`, or a `Fault`; empty when there is one."""
        return UNCHANGED if self.unchanged else (self.reason or "")

    @property
    def why(self) -> str:
        """The same as a sentence."""
        return self.detail or in_words(self.code)
