"""Recognises texts in which a model got stuck and repeated the same words."""

from __future__ import annotations

TIMES = 5
"""Repetitions in a row that are no accident of style."""
SHORTEST = 120
"""Characters that the repetition covers: shorter ones are rulers, ellipses and empty forms."""
LONGEST = 1_000
"""Characters of what is repeated, at most."""

_LETTERS = 4
_STEP, _PROBE = 20, 16


def repeats_itself(text: str) -> bool:
    """Whether somewhere in `text` the same words follow each other `TIMES` times, over `SHORTEST` characters.

    Takes time in proportion to the text. What holds fewer than four letters, such as a ruler, may be repeated.
    """
    at = 0
    while at + SHORTEST <= len(text):
        run, unit = _run(text, at)
        if run >= max(SHORTEST, TIMES * len(unit)) and sum(map(str.isalpha, unit)) >= _LETTERS:
            return True
        at += max(_STEP, run - len(unit) - _PROBE)
    return False


def _run(text: str, start: int) -> tuple[int, str]:
    """Returns how many characters from `start` on repeat the same unit, and that unit."""
    again = text.find(text[start : start + _PROBE], start + 1, start + LONGEST + _PROBE)
    if again < 0:
        return 0, ""
    period, end = again - start, again
    while end < len(text) and text[end] == text[end - period]:
        end += 1
    return end - start, text[start:again]
