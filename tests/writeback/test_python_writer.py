import ast
import textwrap
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from langchain_core.tools import tool

from langgraph_gepa.writeback.edits import Edit, GoneError, UnwritableError, as_docstring
from langgraph_gepa.writeback.python_writer import rewritten

ANY = st.text() | st.text(alphabet="ab\"'\\ \n\t\r{}#N\x00\ud800é\u200b", max_size=30)

FORMS = {
    "constant": ("# é\nA = ", '"Be kind."', "  # why\nB = 1\n"),
    "single quotes": ("A = ", "'Be kind.'", "\n"),
    "argument": ("A = dict(prompt=", '"Be kind."', ", b=2)['prompt']\n"),
    "only argument": ("A = str(", '"Be kind."', ")\n"),
    "triple": ("A = ", '"""Be kind."""', "\n"),
    "opened triple": ("A = ", "'''\\\nBe kind.'''", "\n"),
    "raw": ("A = ", 'r"Be kind."', "\n"),
    "unicode prefix": ("A = ", 'u"Be kind."', "\n"),
    "f without expressions": ("A = ", 'f"Be kind."', "\n"),
    "pieces": ("A = (\n    ", '"Be "\n    "kind."', "  # end\n)\n"),
    "pieces on a line": ("A = ", '"Be " "kind."', "\n"),
    "sum": ("A = (\n    ", '"Be "\n    + "kind."', "\n)\n"),
    "sum on a line": ("A = ", '"Be " + "kind."', "\n"),
    "dedent": ("import textwrap\nA = ", 'textwrap.dedent("""\\\n    Be kind.""")', "\n"),
    "dedent and strip": ("from textwrap import dedent\nA = ", 'dedent("""\n        Be kind.\n    """).strip()', "\n"),
    "strip": ("A = ", '"""\nBe kind.\n""".strip()', "\n"),
    "cleandoc": ("import inspect\nA = ", 'inspect.cleandoc("""\n  Be kind.\n  """)', "\n"),
    "windows lines": ("B = 1\r\nA = ", '"""Be kind."""', "\r\nC = 2\r\n"),
    "tabs": ("if True:\n\tA = ", '("Be "\n\t\t"kind.")', "\n"),
    "joined": ("A = ", '" ".join(["Be", "kind."])', "\n"),
    "joined lines": (
        "A = f(\n    ",
        '" ".join(\n        (\n            "Be",  # always\n            "kind.",\n        )\n    )',
        ")\n",
    ),
    "no newline at the end": ("A = ", '"Be kind."', ""),
}


@pytest.mark.parametrize("form", FORMS)
@given(new=ANY)
@example(new='ends with a quote"')
@example(new="ends with a backslash\\")
@example(new="\"\"\"\n'''")
@example(new='\\"\n"')
@example(new="  \n  indented\n")
@settings(max_examples=25, deadline=None)
def test_any_text_is_read_back_exactly_and_nothing_else_changes(form: str, new: str) -> None:
    """The law of rewriting: evaluating the file gives the new text; around the expression every byte stays."""
    before, literal, after = FORMS[form]
    changed = rewritten(before + literal + after, [Edit("Be kind.", new)])
    names: dict[str, object] = {"f": str}
    exec(compile(changed, "f", "exec"), names)  # noqa: S102 - the file is what is tested
    assert names["A"] == new
    assert changed.startswith(before)
    assert changed.endswith(after)


TEMPLATES = st.lists(
    st.sampled_from(["{name}", "{role}", "{{", "}}", '"', "'", "\\", "\n", "a word ", '"""', "é"])
).map("".join)


@pytest.mark.parametrize(
    "literal",
    [
        "f\"Hi {s['name']}, {role!r:>3}.\"",
        "f'''Hi {s['name']}, {role!r:>3}.'''",
        "rf'Hi {s[\"name\"]}, {role!r:>3}.'",
        '(f"Hi {s[\'name\']}, "\n        f"{role!r:>3}.")',
        'f"Hi {s[\'name\']}, " + f"{role!r:>3}."',
        '"Hi " + s[\'name\'] + ", " + repr(role).rjust(3) + "."',
    ],
)
@given(new=TEMPLATES)
@settings(max_examples=40, deadline=None)
def test_expressions_of_an_f_string_move_with_their_placeholders(literal: str, new: str) -> None:
    """A rewritten f-string gives its text, each placeholder filled by the expression as it was written."""
    source = f"def f(s, role):\n    return {literal}\n"
    changed = rewritten(source, [Edit("Hi {name}, {role}.", new, 2, "fstring")])
    names: dict[str, object] = {}
    exec(compile(changed, "f", "exec"), names)  # noqa: S102 - the file is what is tested
    assert names["f"]({"name": "Ann"}, "x") == new.format(name="Ann", role="'x'".rjust(3))  # type: ignore[operator]  # it is f


DOCSTRINGS = ["Find it.", "\n        Find it.\n        ", "Find it.\n        ", "\\\n        Find it."]


@pytest.mark.parametrize("written", DOCSTRINGS)
@given(new=st.text(alphabet="ab\"'\\ \n:é", min_size=1).map(as_docstring).filter(bool))
@example(new=":\n :")
@settings(max_examples=30, deadline=None)
def test_a_docstring_is_read_by_tools_as_the_new_text(written: str, new: str) -> None:
    """What LangChain makes of the docstring is the new text, and it stays inside its function."""
    source = f'class C:\n    def f(self):\n        """{written}"""\n        return 1\n'
    changed = rewritten(source, [Edit("Find it.", new, 2)])
    (cls,) = ast.parse(changed).body
    docstring = cls.body[0].body[0].value.value  # type: ignore[attr-defined]  # a class with one function
    assert textwrap.dedent(docstring).strip() == new.strip()
    assert changed.endswith("\n        return 1\n")


def written(source: str, old: str, new: str, line: int | None = None, style: str = "plain") -> str:
    return rewritten(textwrap.dedent(source), [Edit(old, new, line, style)])  # type: ignore[arg-type]  # one of Style's members


def test_lines_that_stay_keep_their_spelling() -> None:
    """A diff shows only what changed: escapes that were not needed stay in lines that stay."""
    before = 'A = """\\\nSay \\"hi\\".\nGo \\\non.\nOld."""\n'
    after = 'A = """\\\nSay \\"hi\\".\nGo \\\non.\nNew."""\n'
    assert rewritten(before, [Edit('Say "hi".\nGo on.\nOld.', 'Say "hi".\nGo on.\nNew.')]) == after


def test_pieces_that_stay_keep_their_place_and_comments() -> None:
    """In a parenthesised text only the pieces that changed are written anew."""
    source = 'A = (\n    "Be kind. "  # always\n    "Never lie to anyone. "\n    "Stop."\n)\n'
    changed = rewritten(
        source, [Edit("Be kind. Never lie to anyone. Stop.", "Be kind. Never lie to anyone. Go on. Stop.")]
    )
    assert changed == source.replace('    "Stop."', '    "Go on. "\n    "Stop."')


def test_a_text_of_several_lines_is_written_in_triple_quotes() -> None:
    """A person would not write line breaks as escapes."""
    assert rewritten('A = "Old one."\n', [Edit("Old one.", "First.\nSecond.")]) == 'A = """First.\nSecond."""\n'


def test_a_dedented_text_stays_indented() -> None:
    """Where the code dedents, the text is indented as it was."""
    source = 'A = dedent("""\n    Old.\n      So.\n    """).strip()\n'
    expected = 'A = dedent("""\n    New.\n\n    - one\n    """).strip()\n'
    assert rewritten(source, [Edit("Old.\n  So.", "New.\n\n- one")]) == expected


def test_a_long_line_is_wrapped_only_where_it_was_short() -> None:
    """A text that outgrows the line is written in brackets, word by word, each line within the limit."""
    changed = rewritten('A = "Old."\n', [Edit("Old.", "word " * 40)])
    assert max(map(len, changed.splitlines())) <= 88
    assert rewritten(f'A = "{"old " * 40}"\n', [Edit("old " * 40, "new " * 40)]) == f'A = "{"new " * 40}"\n'


def test_only_the_description_of_a_parsed_docstring_changes() -> None:
    """The arguments of a tool stay when the tool parses them out of its docstring."""
    source = 'def f(a):\n    """Find it.\n\n    Args:\n        a: a \\"thing\\".\n    """\n'
    assert rewritten(source, [Edit("Find it.", "Find all.", 1)]) == source.replace("Find it.", "Find all.")
    with pytest.raises(UnwritableError, match="paragraphs"):
        rewritten(source, [Edit("Find it.", "Find.\n\nAll.", 1)])


def test_what_the_encoding_cannot_hold_is_escaped() -> None:
    """A file in Latin-1 stays one."""
    changed = rewritten('A = "Old."\n', [Edit("Old.", "é €")], "latin-1")
    assert changed == 'A = "é \\u20ac"\n'


def test_the_line_decides_between_equal_texts() -> None:
    """A module is its place: of two equal texts the one at the line changes, and a guess is refused."""
    source = 'A = "Same text."\nB = "Same text."\n'
    assert rewritten(source, [Edit("Same text.", "New.", 2)]) == 'A = "Same text."\nB = "New."\n'
    with pytest.raises(UnwritableError, match="lines 1, 2"):
        rewritten(source, [Edit("Same text.", "New.", 7)])


def test_a_text_is_found_below_the_line_its_statement_starts_on() -> None:
    """A template made over several lines is known by its first."""
    source = 'P = make(\n    [("system", "Be kind."), ("human", "{q}")]\n)\nX = "Be kind."\n'
    assert rewritten(source, [Edit("Be kind.", "Be.", 1)]) == source.replace('"Be kind.")', '"Be.")')


def test_a_file_that_moved_on_is_still_written_and_a_lost_text_refused() -> None:
    """The line may have shifted; the text must be there."""
    assert rewritten('import os\nA = "Old."\n', [Edit("Old.", "New.", 1)]) == 'import os\nA = "New."\n'
    with pytest.raises(GoneError):
        rewritten('A = "Other."\n', [Edit("Old.", "New.", 1)])


def test_edits_of_one_file_do_not_disturb_each_other() -> None:
    """Also where one text stands in an expression of another."""
    source = 'A = "One."\ndef f(x):\n    return f"Two {x or \'nothing at all\'}."\n'
    edits = [
        Edit("One.", "1\n2"),
        Edit("nothing at all", "none", 3),
        Edit("Two {x}.", "Zwei {x}.", 3, "fstring"),
    ]
    assert rewritten(source, edits) == 'A = """1\n2"""\ndef f(x):\n    return f"Zwei {x or \'none\'}."\n'


def test_fields_defaults_and_dictionaries_are_written() -> None:
    """Wherever a literal may stand in Python."""
    source = """\
    class A(BaseModel):
        x: str = Field("Be kind.", description="What to say.")
        y: str = "Be good."
    def f(a, p="Be calm.", *, q: Annotated[str, "Be bold."] = ""):
        return {"role": "system", "content": "Be quick."}
    """
    for old in ("Be kind.", "What to say.", "Be good.", "Be calm.", "Be bold.", "Be quick."):
        assert written(source, old, "New.") == textwrap.dedent(source).replace(old, "New.")


def test_a_text_made_at_import_keeps_its_expressions_where_the_new_text_keeps_what_they_say() -> None:
    """A constant put together from others is still put together; when that cannot be, it is refused."""
    source = 'TOOLS = "a, b"\nA = "Be kind. Tools: " + TOOLS + "."\nB = f"""Use {TOOLS} well."""\n'
    changed = rewritten(
        source,
        [
            Edit("Be kind. Tools: a, b.", "You have a, b at hand.", 2),
            Edit("Use a, b well.", "Take {care} with:\na, b", 3),
        ],
    )
    assert changed == 'TOOLS = "a, b"\nA = "You have " + TOOLS + " at hand."\nB = f"""Take {{care}} with:\n{TOOLS}"""\n'
    with pytest.raises(UnwritableError, match="put together with `TOOLS`"):
        rewritten(source, [Edit("Be kind. Tools: a, b.", "Be kind.", 2)])


def test_a_text_in_brackets_of_its_own_grows_there() -> None:
    """Where a literal stands by itself in brackets, lines and words are written one piece below the other."""
    source = 'A = (\n    "Be kind."\n)\n'
    assert rewritten(source, [Edit("Be kind.", "Be kind.\n- always")]) == (
        'A = (\n    "Be kind.\\n"\n    "- always"\n)\n'
    )


ARGUMENTS = '''
@tool(parse_docstring=True)
def find(day: str, limit: int = 3) -> str:
    """Find a free slot.

    Args:
        day: The day to look at.
        limit (int): The most slots to give
            back at once.

    Returns:
        The slots.
    """
    return day
'''


DAY, LIMIT = "The day to look at.", "The most slots to give back at once."


def argument_descriptions(source: str) -> dict[str, str]:
    """The descriptions of its arguments that LangChain's tool has."""
    names: dict[str, Any] = {"tool": tool}
    exec(compile(source, "f", "exec"), names)  # noqa: S102 - the file is what is tested
    return {name: field["description"] for name, field in names["find"].args.items()}


@given(new=ANY)
@example(new="a: b")
@example(new="0\t0")
@settings(max_examples=40, deadline=None)
def test_an_arguments_description_in_a_docstring_is_read_by_tools_as_the_new_text(new: str) -> None:
    """LangChain reads it as it shall be and the others as they were; a text of one plain line is always written."""
    assert argument_descriptions(ARGUMENTS) == {"day": DAY, "limit": LIMIT}
    try:
        changed = rewritten(ARGUMENTS, [Edit(DAY, new, 7)])
    except UnwritableError:
        assert new != " ".join(new.split()) or not new.isprintable() or not new
    else:
        assert argument_descriptions(changed) == {"day": new, "limit": LIMIT}


@pytest.mark.parametrize("old", [DAY, "Find a free slot."])
def test_half_a_surrogate_pair_is_written_into_no_docstring(old: str) -> None:
    """Python 3.13 and later do not compile it there, not even as an escape; elsewhere it is an escape."""
    with pytest.raises(UnwritableError, match="surrogate"):
        rewritten(ARGUMENTS, [Edit(old, "Look \ud800.", 7 if old == DAY else 4)])
    assert rewritten('TEXT = "a"\n', [Edit("a", "Look \ud800.", 1)]) == 'TEXT = "Look \\ud800."\n'


def test_arguments_are_written_together_and_wrapped() -> None:
    """A long description stays within the line, where no colon would be taken for another argument's."""
    long = "word " * 40 + "end"
    changed = rewritten(
        ARGUMENTS, [Edit(DAY, long, 7), Edit(LIMIT, "At most: 3.", 8), Edit("Find a free slot.", "Go.", 4)]
    )
    assert argument_descriptions(changed) == {"day": long, "limit": "At most: 3."}
    assert max(map(len, changed.splitlines())) <= 88
    assert changed.startswith(ARGUMENTS[: ARGUMENTS.index("Find a")] + "Go.\n\n    Args:\n        day: word")
    with pytest.raises(GoneError):
        rewritten(ARGUMENTS, [Edit("The slots.", "x", 11)])


def test_a_description_given_to_a_tool_is_found_as_the_tool_has_it() -> None:
    """LangChain strips it: its margins stay where they are."""
    source = 'a = tool("ask", description="""\n    Ask the nurse.\n    """)(ask)\n'
    assert rewritten(source, [Edit("Ask the nurse.", "Ask the doctor.", 1)]) == source.replace("nurse", "doctor")
