import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from langgraph_gepa.writeback.data_files import rewritten
from langgraph_gepa.writeback.edits import Edit, GoneError, UnwritableError

ANY = st.text() | st.text(alphabet="ab:#-'\"\\ \n\t{}[],|>&é\ud800", max_size=30)
YAML = {
    "plain": "# head\nname: x\nprompt: Be kind.  # why\nlast: 1\n",
    "quoted": "name: 'x'\nprompt: 'Be kind.'\nlast: [1,   2]\n",
    "double": 'prompts:\n  - role: system\n    content: "Be kind."\n  - role: human\n',
    "literal": "a:\n    prompt: |-  # why\n        Be kind.\n\n# foot\nb: 2\n",
    "folded": "prompt: >-\n  Be\n  kind.\nb: 2\n",
    "flow": "{prompt: Be kind., b: 2}\n",
    "anchor": "prompt: &p Be kind.\nb: *p\n",
    "end of file": "prompt: |-\n  Be kind.",
}


@given(new=ANY)
def test_any_text_fills_a_json_value(new: str) -> None:
    """The value is the new text; keys, layout and every other value stay."""
    content = '{"Be kind.": [1,\n   "x\\"y"], "prompt" : "Be kind."}\n'
    changed = rewritten("p.json", content, [Edit("Be kind.", new)])
    assert json.loads(changed) == {"Be kind.": [1, 'x"y'], "prompt": new}
    assert changed.startswith('{"Be kind.": [1,\n   "x\\"y"], "prompt" : ')


@pytest.mark.parametrize("form", YAML)
@given(new=ANY.filter(lambda text: not any("\ud800" <= char <= "\udfff" for char in text)))
@settings(max_examples=40, deadline=None)
def test_any_text_fills_a_yaml_value(form: str, new: str) -> None:
    """The scalar is the new text; the file around it, with its comments, is the same."""
    content = YAML[form]
    changed = rewritten("p.yaml", content, [Edit("Be kind.", new)])
    old = [token.value for token in yaml.scan(content) if isinstance(token, yaml.ScalarToken)]
    assert [t.value for t in yaml.scan(changed) if isinstance(t, yaml.ScalarToken)] == [
        new if value == "Be kind." else value for value in old
    ]
    start = content.index("Be")
    assert changed.startswith(content[:start].rstrip(" -|>'\"\n").partition("|")[0].partition(">")[0])
    rest = content[start:].partition("kind.")[2].lstrip("'\"")
    assert changed.endswith(rest if "#" not in rest.partition("\n")[0] else rest.partition("\n")[2])
    assert changed.count("# why") == content.count("# why")


def test_a_yaml_text_of_several_lines_becomes_a_block() -> None:
    """A person writes several lines as a literal block, indented under its key."""
    content = "prompts:\n  - role: system\n    content: Be kind.  # why\n"
    expected = "prompts:\n  - role: system\n    content: |-  # why\n      Be kind.\n\n      Be brief.\n"
    changed = rewritten("p.yml", content, [Edit("Be kind.", "Be kind.\n\nBe brief.")])
    assert changed == expected


def test_blocks_keep_their_kind() -> None:
    """Literal stays literal with its remark, folded stays folded."""
    literal = rewritten("p.yml", "a: |  # why\n  Old.\n  End.\nb: 1\n", [Edit("Old.\nEnd.\n", "New.\nEnd.\n")])
    assert literal == "a: |  # why\n  New.\n  End.\nb: 1\n"
    folded = rewritten("p.yml", "a: >\n  Old and\n  gone.\nb: 1\n", [Edit("Old and gone.\n", "New and here.\n")])
    assert folded == "a: >\n  New and\n  here.\nb: 1\n"


@pytest.mark.parametrize(
    ("content", "old", "new", "expected"),
    [
        ("Be kind.\n", "Be kind.\n", "Be.\n", "Be.\n"),
        ("Be kind.\n", "Be kind.", "Be.", "Be.\n"),
        ("Be kind.", "Be kind.", "Be.\n\nGo.", "Be.\n\nGo."),
        ("\n\nBe kind.\n\n", "Be kind.", "Be.", "\n\nBe.\n\n"),
        ("---\nname: x\n---\n\nBe kind.\nStop.\n", "Be kind.\nStop.", "Be.", "---\nname: x\n---\n\nBe.\n"),
    ],
)
def test_a_file_that_is_the_text_takes_the_new_one(content: str, old: str, new: str, expected: str) -> None:
    """The header above and the space around that its reader takes off stay."""
    assert rewritten("prompt.md", content, [Edit(old, new)]) == expected


@given(new=ANY.filter(lambda text: not any("\ud800" <= char <= "\udfff" for char in text)))
@settings(max_examples=40, deadline=None)
def test_any_text_fills_a_value_above_the_text_of_a_file(new: str) -> None:
    """The header holds the new text as YAML, and the rest of the file is the same."""
    content = "---\nname: x\ndescription: Be kind.\n---\n\nBe kind.\n"
    changed = rewritten("SKILL.md", content, [Edit("Be kind.", new, 3)])
    assert changed.startswith("---\nname: x\ndescription: ")
    assert changed.endswith("\n---\n\nBe kind.\n")
    head = changed.removeprefix("---\n").removesuffix("---\n\nBe kind.\n")
    assert yaml.safe_load(head) == {"name": "x", "description": new}


def test_what_is_ambiguous_is_refused() -> None:
    """A lost text, one that is there twice, one in the middle of a line, a format we do not write."""
    with pytest.raises(GoneError):
        rewritten("a.md", "Other.", [Edit("Old.", "New.")])
    with pytest.raises(UnwritableError, match="more than once"):
        rewritten("a.md", "Old.\nOld.\n", [Edit("Old.", "New.")])
    with pytest.raises(UnwritableError, match="same lines"):
        rewritten("a.md", "An Old. thing", [Edit("Old.", "New.")])
    with pytest.raises(UnwritableError, match="lines 1, 2"):
        rewritten("a.yaml", "a: Old.\nb: Old.\n", [Edit("Old.", "New.")])
    with pytest.raises(UnwritableError, match="format"):
        rewritten("a.toml", 'a = "Old."\n', [Edit("Old.", "New.")])
    assert rewritten("a.yaml", "a: Old.\nb: Old.\n", [Edit("Old.", "New.", 2)]) == "a: Old.\nb: New.\n"
