import pytest

from langgraph_gepa.writeback.composed import (
    computing_code,
    constants,
    constants_in,
    narrowed_to_constant,
    values_of_parts,
)
from langgraph_gepa.writeback.edits import Edit
from langgraph_gepa.writeback.locating import find
from langgraph_gepa.writeback.python_reader import SourceFile

SOURCE = """\
TONE = "Be kind."
RULES = f"{TONE} Be brief."
TWICE = "a"
TWICE = "b"
WHO = load()
A = RULES + " Serve " + WHO
"""


def test_constants_are_the_names_that_are_texts_for_good() -> None:
    """Also those made of others; not a name that is bound again, nor one that a call gives."""
    known = constants(SourceFile(SOURCE))
    assert {name: constant.text for name, constant in known.items()} == {
        "TONE": "Be kind.",
        "RULES": "Be kind. Be brief.",
    }


def test_the_part_of_each_expression_is_known_from_the_whole_text() -> None:
    """What is no constant gave the rest of the text, where only one reading is possible."""
    file = SourceFile(SOURCE)
    edit = Edit("Be kind. Be brief. Serve Ann.", "", 6)
    values = find(file, edit).values
    assert {value: expression.bare for value, expression in values.items()} == {
        "Be kind. Be brief.": "RULES",
        "Ann.": "WHO",
    }
    assert [constant.line for constant in constants_in(file, values.values())] in ([2, 1], [1, 2])
    (site,) = [
        site for site in file.sites if site.line == 6 and site.view.chain.plus and len(site.view.chain.pieces) == 3
    ]
    assert values_of_parts(site.view, Edit("Be rude. Serve Ann.", "", 6), constants(file)) == {}


@pytest.mark.parametrize(
    ("new", "narrowed"),
    [
        ("Be calm. Serve Ann.", Edit("Be kind. Be brief.", "Be calm.", 2)),
        ("Be kind. Be brief. Serve Bo.", None),
        ("Serve Ann. Be kind.", None),
    ],
)
def test_a_change_inside_one_constant_is_an_edit_of_that_constant(new: str, narrowed: Edit | None) -> None:
    """Only where the words before and after it stay, and it is a constant that the file names once."""
    file = SourceFile(SOURCE)
    edit = Edit("Be kind. Be brief. Serve Ann.", new, 6)
    found = narrowed_to_constant(file, edit, find(file, edit).values)
    assert (found and found[1]) == narrowed


def test_a_text_made_at_run_time_is_named_with_its_code() -> None:
    """The line and the code that make it, cut in the middle where it is long."""
    file = SourceFile('A = fill("You serve the guests of {}.", load(PLACE))\nB = "You serve nobody."\n')
    assert computing_code(file, Edit("You serve the guests of Rome.", "", 1)) == (
        1,
        'fill("You serve the guests of {}.", load(PLACE))',
    )
    assert computing_code(file, Edit("Write a poem.", "", 2)) is None
