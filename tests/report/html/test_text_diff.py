from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.report.html.text_diff import diff, fold

lines = st.lists(st.sampled_from(["", "be kind", "be very kind", "never lie", "quote {q}", "ask\tfirst, then act"]))
texts = lines.map("\n".join) | st.text(max_size=60)


@given(texts, texts)
def test_a_diff_holds_every_line_of_both_texts(old: str, new: str) -> None:
    """Nothing of either text is lost, repeated or moved."""
    rows = diff(old, new)
    assert "\n".join(row.old.text for row in rows if row.old) == old
    assert "\n".join(row.new.text for row in rows if row.new) == new
    assert [row.old.number for row in rows if row.old] == list(range(1, old.count("\n") + 2))
    assert [row.new.number for row in rows if row.new] == list(range(1, new.count("\n") + 2))


@given(texts, texts)
def test_unmarked_words_are_the_same_on_both_sides(old: str, new: str) -> None:
    """What a changed line does not mark has not changed."""
    for row in diff(old, new):
        if row.kind == "changed" and row.old and row.new:
            kept = ["".join(s.text for s in line.segments if not s.changed) for line in (row.old, row.new)]
            assert kept[0] == kept[1]


@given(texts, texts)
def test_folding_hides_unchanged_lines_only(old: str, new: str) -> None:
    """Every change survives, and a folded row counts its lines."""
    rows = diff(old, new)
    folded = fold(rows)
    assert [row for row in folded if row.kind not in ("same", "folded")] == [row for row in rows if row.kind != "same"]
    assert sum(row.skipped or 1 for row in folded) == len(rows)


def test_one_changed_word_of_a_long_line_is_marked_alone() -> None:
    """Prose is compared by words: `friendly` became `kind`, the rest is context."""
    (row,) = diff("Be friendly and short. Do not invent.", "Be kind and short. Do not invent.")
    assert row.kind == "changed"
    assert [s.text for s in row.old.segments if s.changed] == ["friendly"]  # type: ignore[union-attr]
    assert [s.text for s in row.new.segments if s.changed] == ["kind"]  # type: ignore[union-attr]


def test_lines_with_nothing_in_common_are_not_set_against_each_other() -> None:
    """A line that was replaced by another thought is shown as removed and added."""
    assert {row.kind for row in diff("Sign as “The shop”.", "Look up every order first")} == {"removed", "added"}


def test_an_inserted_line_leaves_its_neighbours_alone() -> None:
    """Lines are aligned before they are compared."""
    assert [row.kind for row in diff("one two\nthree four", "one two\nnew\nthree four")] == ["same", "added", "same"]
