"""The console for everything that people read: control characters are visible, text is no markup."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from langgraph_gepa.core.printable import visible


class Screen(Console):
    """Rich's console, on which text is only text.

    Control characters are made visible (rich passes ESC and C1 on as they are), and `[red]` and `:smile:` are neither
    markup nor emoji.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"markup": False, "emoji": False, "highlight": False, **options})

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(visible(text), **options)  # before rich drops some of the characters

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        """Raises `BrokenPipeError`. Rich would point standard output at nothing and end the process."""
        raise BrokenPipeError


def note(text: str) -> None:
    """Prints a message on standard error; below the cell in a notebook, which shows standard error as a failure."""
    console = Screen(stderr=True, soft_wrap=True)
    if console.is_jupyter:
        from IPython.display import display

        display({"text/plain": visible(text)}, raw=True)
    else:
        console.print(text)
