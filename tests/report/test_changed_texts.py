"""The new prompts in short."""

from __future__ import annotations

from langgraph_gepa.core.module import Module
from langgraph_gepa.report.changed_texts import in_short
from langgraph_gepa.report.view import ModuleView


def short(seed: str, best: str, width: int = 60) -> list[str]:
    return list(in_short(ModuleView(Module("writer", "prompt", seed), seed, best, ()), width))


def test_the_first_new_lines_are_quoted_after_the_counts() -> None:
    """Two of them, without headings; lines that are gone are counted."""
    best = "Write.\n\nRules:\n- Name the order.\n- Name the date.\n- Be kind to all."
    assert short("Write.", best) == ["writer  +5 lines", "  - Name the order.", "  - Name the date."]
    assert short("Write.\nBe brief.", "Write.") == ["writer  +0 lines, −1 line"]
    assert short("Write.", "Answer.") == ["writer  +1 line, −1 line", "  Answer."]


def test_a_long_line_is_quoted_from_its_change_on() -> None:
    """Where a prompt is one line, its beginning is what everybody knows."""
    seed = "You are the clerk of a long-established shop and answer letters."
    counts, line = short(seed, f"{seed} Name the order.")
    assert counts == "writer  +1 line, −1 line"
    assert line == "  …shop and answer letters. Name the order."


def test_every_line_fits() -> None:
    """Whatever a model wrote into one line."""
    assert max(map(len, short("a", "long words " * 200, 40))) <= 40
