"""The one console that everything for people is printed on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from langgraph_gepa.core.printable import visible


class Screen(Console):
    """Rich's console, on which text is only text.

    Whatever is laid out on it, its control characters are visible (rich passes ESC and C1 on as they are), and
    `[red]` and `:smile:` in it are neither markup nor emoji.
    """

    def __init__(self, **how: Any) -> None:
        super().__init__(**{"markup": False, "emoji": False, "highlight": False, **how})

    def render_str(self, text: str, **how: Any) -> Text:
        return super().render_str(visible(text), **how)  # before rich drops some of the characters

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)


def note(text: str) -> None:
    """Says something a person should know, on standard error."""
    Screen(stderr=True, soft_wrap=True).print(text)
