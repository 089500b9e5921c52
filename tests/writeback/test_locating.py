import pytest

from langgraph_gepa.writeback.edits import Edit, GoneError, UnwritableError
from langgraph_gepa.writeback.locating import find, pieces_of
from langgraph_gepa.writeback.python_reader import SourceFile

TWICE = 'A = "Be kind."\nB = f(\n    "Be brief.",\n    "Be kind.",\n)\n'


@pytest.mark.parametrize(("line", "at"), [(1, 1), (4, 4), (2, 4)])
def test_the_line_decides_between_equal_texts(line: int, at: int) -> None:
    """The text at the line is meant; without one there, that of the statement which starts at the line."""
    file = SourceFile(TWICE)
    assert file.line(find(file, Edit("Be kind.", "", line)).span[0]) == at


def test_a_text_is_found_after_lines_have_moved() -> None:
    """A line that holds something else is no hindrance while the text is there once."""
    file = SourceFile("\n" * 20 + TWICE)
    assert file.line(find(file, Edit("Be brief.", "", 3)).span[0]) == 23
    with pytest.raises(UnwritableError, match=r"more than once \(lines 21, 24\)"):
        find(file, Edit("Be kind.", "", 1))


def test_a_text_that_was_edited_is_gone() -> None:
    """A file that holds another text at the line is never taken for the one that the run was made from."""
    with pytest.raises(GoneError):
        find(SourceFile(TWICE), Edit("Be kinder.", "", 1))


def test_an_f_string_is_known_by_its_words_and_the_order_of_its_placeholders() -> None:
    """One name stands for one expression, wherever it is used."""
    file = SourceFile('A = f"Hi {user.name}, {len(jobs)} for {user.name}."\n')
    names = find(file, Edit("Hi {name}, {count} for {name}.", "", 1, "fstring")).names
    assert {name: expression.code for name, expression in names.items()} == {
        "name": "{user.name}",
        "count": "{len(jobs)}",
    }
    for other in ("Hi {name}, {count} for {count}.", "Hi {name}, {count}.", "Hi {"):
        with pytest.raises(GoneError):
            find(file, Edit(other, "", 1, "fstring"))


def test_a_template_is_words_and_placeholders_in_order() -> None:
    """Doubled braces are words, and empty words are left out."""
    assert pieces_of("{a}{b!r:>3} of {{x}}") == [("a", True), ("b!r:>3", True), (" of {x}", False)]
