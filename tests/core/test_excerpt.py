"""Laws of fitting foreign data into a prompt."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.core.excerpt import LEFT_OUT, TAGS, Piece, elide, escape, fit, unescape, water_level

TEXTS = st.text(st.sampled_from("<>/\\ aecord\n") | st.sampled_from(TAGS).map(lambda tag: tag[0]), max_size=40)


@given(st.lists(TEXTS | st.sampled_from([f"</{tag}>" for tag in TAGS])).map("".join))
def test_escaping_is_undone(text: str) -> None:
    """No tag of the prompt is left in an escaped text, and unescaping gives it back."""
    assert unescape(escape(text)) == text
    assert not any(f"</{tag}>" in escape(text) for tag in TAGS)


@given(st.text(max_size=300), st.integers(60, 200))
def test_a_text_loses_its_middle(text: str, limit: int) -> None:
    """A long text keeps both ends, a marker between them, and the limit; a short one is left as it is."""
    short = elide(text, limit)
    assert len(short) <= limit
    assert short == text or (LEFT_OUT.search(short) and text.startswith(short[0]) and text.endswith(short[-1:]))


@given(st.lists(st.integers(0, 50)), st.integers(0, 200))
def test_the_short_stay_whole(lengths: list[int], total: int) -> None:
    """Lengths cut to the level fit the total, and a higher level would not, unless nothing is cut."""
    level = water_level(lengths, total)
    assert sum(min(length, level) for length in lengths) <= total
    assert level >= max(lengths, default=0) or sum(min(length, level + 1) for length in lengths) > total


def test_labels_are_never_cut() -> None:
    """Of a block only the texts are shortened, the longest first."""
    block = [Piece("the question", "short"), Piece("the answer", "x" * 2_000)]
    lines = fit(block, 600).split("\n")
    assert lines[0] == "the question: short"
    assert lines[1].startswith("the answer: xxx")
