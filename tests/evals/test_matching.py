from __future__ import annotations

import pytest
from matching import named, quoted, shortened


@pytest.mark.parametrize(
    ("title", "text", "is_named"),
    [
        ("The Guest (film)", "I saw The Guest.", True),
        ("The Guest (film)", "I saw a guest.", True),
        ("The Guest (film)", "It was a guesthouse.", False),
        ("You're Next", "you're next, said he", True),
        ("Ed Wood", "Ed Woodson", False),
        ("The (film)", "The film.", False),
        ("Ed Wood", "", False),
    ],
)
def test_named(title: str, text: str, is_named: bool) -> None:
    """A title is named by its whole words, whatever the case, the articles and what stands in its brackets."""
    assert named(title, text) is is_named


def test_quoted_and_shortened() -> None:
    """Titles are listed in quotes; long texts are cut where they say so."""
    assert quoted(["A", "B's"]) == "'A', \"B's\""
    assert shortened("abc", 3) == "abc"
    assert shortened("abcd", 3) == "abc…"
