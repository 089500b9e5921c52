import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.writeback.source_text import Expression, Piece
from langgraph_gepa.writeback.spelling import Speller, StandIns, spelling

SPELLER = Speller(StandIns(), lambda char: char.isascii())
ANY = st.text() | st.text(alphabet="ab\"'\\ \n\t\r{}#\x00é\u200b", max_size=20)


@pytest.mark.parametrize("prefix", ["", "r", "u", "f"])
@pytest.mark.parametrize("quote", ['"', "'", '"""', "'''"])
@given(text=ANY)
def test_a_literal_evaluates_to_its_text(prefix: str, quote: str, text: str) -> None:
    """On one line and in triple quotes, whatever the literal was before, in an encoding with ASCII only."""
    like = Piece(0, 0, (), prefix, quote)
    codes = [SPELLER.line(text, like), SPELLER.block(text, like, {}), SPELLER.block(text, like, {}, open_line=True)]
    assert [ast.literal_eval(code) for code in codes] == [text] * 3
    assert "\n" not in codes[0]
    assert all(code.isascii() for code in codes)


def test_quotes_that_need_fewer_escapes_are_taken() -> None:
    """The quotes of the old literal, unless the other ones save escapes."""
    like = Piece(0, 0, (), "", '"')
    assert SPELLER.line("It's", like) == '"It\'s"'
    assert SPELLER.line('Say "hi".', like) == "'Say \"hi\".'"


def test_an_f_is_there_exactly_where_there_are_expressions() -> None:
    """Braces are doubled only beside an expression."""
    name = Expression("{name}")
    stand_ins = StandIns.among((name, " is in {}."))
    speller = Speller(stand_ins, str.isascii)
    assert speller.line(stand_ins.encoded((name, " is in {}.")), Piece(0, 0, (), "", '"')) == 'f"{name} is in {{}}."'
    assert speller.line("None is in {}.", Piece(0, 0, (), "f", '"')) == '"None is in {}."'


def test_lines_are_known_by_their_spelling() -> None:
    """Escapes that were not needed are kept for lines that stay; a line with an escaped break has no spelling."""
    code = '"""\\\nSay \\"hi\\".\nGo \\\non.\nLast."""'
    assert spelling(code, Piece(0, 0, (), "", '"""'), StandIns()) == {
        'Say "hi".': 'Say \\"hi\\".',
        "Go on.": "Go \\\non.",
        "Last.": "Last.",
    }
