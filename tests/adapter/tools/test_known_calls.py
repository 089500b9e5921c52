"""Calls that are known to act: functions of the standard library, modes of files, statements of SQL."""

from __future__ import annotations

import ast

import pytest

from langgraph_gepa.adapter.tools import known_calls


def call(source: str) -> ast.Call:
    node = ast.parse(source, mode="eval").body
    assert isinstance(node, ast.Call)
    return node


@pytest.mark.parametrize(
    ("dotted", "action"),
    [
        ("os.remove", "os.remove"),
        ("posix.system", "os.system"),
        ("subprocess.check_output", "subprocess.check_output"),
        ("shutil.copytree", "shutil.copytree"),
        ("pathlib.Path.write_text", "pathlib.write_text"),
        ("os.listdir", None),
        ("os.path.join", None),
        ("json.dumps", None),
        ("httpx.post", None),
    ],
)
def test_functions_that_act_are_known_by_their_names(dotted: str, action: str | None) -> None:
    """Under the name that the user knows; other packages are none of the standard library's."""
    assert known_calls.acting_call(dotted) == action


@pytest.mark.parametrize(
    ("source", "writes"),
    [
        ("open('a', 'w')", True),
        ("open('a', mode='r+b')", True),
        ("open('a')", False),
        ("open('a', 'rb')", False),
        ("open('w', mode=how)", False),
    ],
)
def test_the_mode_of_a_file_tells_writing_from_reading(source: str, writes: bool) -> None:
    """Only a mode that is written out is believed."""
    assert known_calls.opens_for_writing(call(source)) is writes


@pytest.mark.parametrize(
    ("source", "verb"),
    [
        ("db.execute('UPDATE t SET a = 1')", "update"),
        ("db.execute('-- all of them\\nselect * from t', ())", "select"),
        ("db.execute(f'DELETE FROM {table}')", "delete"),
        ("db.execute(text('drop table t'))", "drop"),
        ("list.insert('update', 1)", None),
        ("say('Please update me')", None),
        ("db.execute(statement)", None),
        ("db.execute()", None),
    ],
)
def test_the_verb_of_a_statement_is_read_from_its_literal(source: str, verb: str | None) -> None:
    """A word alone, or a sentence that begins otherwise, is no statement."""
    assert known_calls.sql_verb(call(source)) == verb


def test_a_method_of_paths_is_no_method_of_strings() -> None:
    """`replace` is both, so it proves nothing."""
    assert known_calls.is_path_method("unlink")
    assert not known_calls.is_path_method("replace")
