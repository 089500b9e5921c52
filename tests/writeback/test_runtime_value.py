import inspect

import libcst as cst
import pytest
from langchain_core.tools import tool

from langgraph_gepa.writeback.runtime_value import READERS, arguments, described, wrapped_text


@tool(parse_docstring=True)
def book(city: str, nights: int) -> str:
    """Books a room.

    Asks before it pays.

    Args:
        city (str): Where to,
            in English.
        nights: How many.

    Returns:
        A number.
    """
    return ""


def test_docstrings_are_read_as_langchain_reads_them() -> None:
    """The description and those of the arguments, as the tool has them."""
    docstring = inspect.getsource(book.func).split('"""')[1]  # type: ignore[attr-defined]  # a tool of a function
    assert book.description in {reader(docstring) for reader in READERS}
    for name, schema in book.args.items():
        assert described(docstring, name) == schema["description"]
    assert [(a.name, docstring[a.start : a.end].split()[0]) for a in arguments(docstring)] == [
        ("city", "Where"),
        ("nights", "How"),
    ]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("dedent(x)", "a\n b"),
        ("textwrap.dedent(x)", "a\n b"),
        ("x.strip()", "a\n   b"),
        ("x.replace('a', 'c')", "  c\n   b"),
        ("x.replace(old, new)", None),
        ("x.join(y)", None),
        ("x.strip(chars=' ')", None),
    ],
)
def test_calls_with_a_known_result_are_taken_through(code: str, text: str | None) -> None:
    """The change of a text is known where it depends on literals alone."""
    node = cst.parse_expression(code)
    assert isinstance(node, cst.Call)
    inner, change = wrapped_text(node)
    assert (None if inner is None else change("  a\n   b")) == text
