from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from langgraph_gepa.demo.lessons import covered, overdone


@pytest.mark.parametrize("benchmark", ["aime", "bfcl", "hotpotqa", "hover", "ifbench", "pupa"])
def test_lessons(load: Callable[[str], ModuleType], benchmark: str) -> None:
    """Each way to write a lesson teaches it, and only the rule that goes too far is seen to do so."""
    for lesson in load(f"evals/simulated/{benchmark}.py").LESSONS:
        assert all(covered(phrasing, [lesson]) for phrasing in lesson.phrasings), lesson.name
        assert not any(overdone(phrasing, [lesson]) for phrasing in lesson.phrasings), lesson.name
        assert not lesson.overreach or overdone(lesson.overreach, [lesson]), lesson.name
