"""An edit of one module's text that was tried, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """A new text that was tried in place of an old one.

    `before` and `after` are the mean scores without and with it, over the same `examples`; `others` is how many other
    modules' texts were changed along with it.
    """

    old: str
    new: str
    before: float
    after: float
    examples: int
    others: int = 0

    @property
    def helped(self) -> bool:
        return self.after > self.before
