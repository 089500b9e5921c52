"""Which directions for reflections are for which module, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from langgraph_gepa.core.module import Module
from langgraph_gepa.errors import UsageError
from langgraph_gepa.reflection.directions import Directions
from langgraph_gepa.reflection.instructions import PROMPT
from langgraph_gepa.runs.module_directions import directions_of

MODULES = (
    Module("router", "prompt", "Sort the letter for Acme."),
    Module("writer.draft", "prompt", "Write for Acme."),
    Module("writer.final", "prompt", "Write it out."),
    Module("tool:search", "tool", "Search the shop.", chosen=True),
    Module("critic", "prompt", "Find faults.", chosen=False),
)
LEAST = "{text} {records} {reply} {notes} {frozen}"


def directions(kinds: tuple[str, ...] = ("prompt",), **given: Any) -> dict[str, Directions]:
    return directions_of(MODULES, kinds, **given)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "langgraph.json").write_text("{}")


def test_without_directions_every_module_is_reflected_on_as_usual() -> None:
    """Those that are on; of others nothing has to be known."""
    assert directions() == dict.fromkeys(["router", "writer.draft", "writer.final", "tool:search"], Directions())


def test_a_text_alone_is_for_every_module() -> None:
    """Of every kind that is optimised."""
    assert {one.notes for one in directions(notes="Be brief.").values()} == {"Be brief."}
    assert {one.template for one in directions(reflection_prompt=LEAST).values()} == {LEAST}


def test_a_module_gets_all_notes_that_mean_it_its_own_first() -> None:
    """Patterns are those of `modules`: for the kinds that are optimised, unless they name another."""
    found = directions(notes={"w*": "Be warm.", "writer.final": "Sign it.", "tool:*": "Name units."})
    notes = {name: one.notes for name, one in found.items()}
    assert notes == {
        "router": "",
        "writer.draft": "Be warm.",
        "writer.final": "Sign it.\nBe warm.",
        "tool:search": "Name units.",
    }


def test_a_module_gets_the_template_of_its_name_else_of_the_first_pattern() -> None:
    """One template asks for one text."""
    found = directions(reflection_prompt={"writer*": LEAST, "*": f"All: {LEAST}", "writer.final": f"Final: {LEAST}"})
    assert [one.template.partition(":")[0] for one in found.values()] == ["All", LEAST, "Final", "All"]
    assert directions(reflection_prompt={"router": LEAST})["writer.draft"].template == PROMPT


def test_a_template_is_read_from_its_file(tmp_path: Path) -> None:
    """A `Path` names a file; a string is the template itself."""
    (tmp_path / "reflect.txt").write_text(LEAST)
    assert directions(reflection_prompt=Path("reflect.txt"))["router"].template == LEAST
    (tmp_path / "reflect.txt").write_text(LEAST, encoding="utf-8-sig")
    assert directions(reflection_prompt=Path("reflect.txt"))["router"].template == LEAST
    with pytest.raises(UsageError, match=r"lacks \{text\}.* To read it from a file, give Path\('reflect.txt'\)"):
        directions(reflection_prompt="reflect.txt")


def test_frozen_parts_are_for_the_texts_that_hold_them() -> None:
    """A pattern may mean modules of which only some hold the part."""
    found = directions(frozen={"*": "Acme", "writer.final": ["Write", "out"]})
    assert {name: one.frozen for name, one in found.items() if one.frozen} == {
        "router": ("Acme",),
        "writer.draft": ("Acme",),
        "writer.final": ("Write", "out"),
    }


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"notes": {"rooter": "x"}}, "notes='rooter' is not known; did you mean 'router'"),
        ({"frozen": {"desk*": "x"}}, r"frozen='desk\*' is not known"),
        ({"reflection_prompt": {"nobody": LEAST}}, "reflection_prompt='nobody' is not known"),
        ({"notes": {"router": 400}}, "notes holds '400', which is not a text|notes holds 400, which is not a text"),
        ({"notes": ["a"]}, "which is not a text"),
        ({"notes": {1: "a"}}, "names of modules"),
        ({"frozen": {"router": "acme"}}, "frozen: 'acme' is not in the text of router. Copy it from there"),
        ({"frozen": {"*": "Zeta"}}, "is not in the text of router or writer.draft or writer.final or tool:search"),
        ({"frozen": {"router": [" "]}}, "frozen holds an empty text for 'router'"),
        ({"frozen": {"router": []}}, "frozen holds an empty text for 'router'"),
        ({"frozen": []}, "frozen holds an empty text for every module"),
        ({"notes": ""}, "notes holds an empty text for every module: give words, or leave it out"),
        ({"notes": {"router": "Be brief.", "w*": "\n"}}, r"notes holds an empty text for 'w\*'"),
        ({"reflection_prompt": "Improve."}, r"The reflection prompt of router cannot be used: it lacks \{text\}"),
        ({"reflection_prompt": Path("nowhere.txt")}, "nowhere.txt cannot be read"),
        ({"reflection_prompt": "{text}{records}{reply}", "notes": {"router": "x"}}, r"it lacks \{notes\}"),
        ({"reflection_prompt": "{text}{records}{reply}", "objective": "x"}, r"it lacks \{objective\}"),
    ],
)
def test_what_is_wrong_is_named_with_the_fix(given: dict[str, Any], why: str) -> None:
    """Before anything is paid for."""
    with pytest.raises(UsageError, match=why):
        directions(**given)


def test_the_project_keeps_notes_and_frozen_parts(tmp_path: Path) -> None:
    """They hold where nothing is given, and may be for modules of another graph too."""
    (tmp_path / "langgraph-gepa.toml").write_text(
        '[notes]\nrouter = "Be brief."\nelsewhere = "x"\n[frozen]\n"writer*" = ["Acme"]\nelsewhere = "y"\n'
    )
    found = directions()
    assert (found["router"].notes, found["writer.draft"].frozen) == ("Be brief.", ("Acme",))
    given = directions(notes={}, frozen={"router": "Sort"})
    assert (given["router"], given["writer.draft"]) == (Directions(frozen=("Sort",)), Directions())


def test_a_frozen_part_that_the_text_lost_is_an_error_in_the_projects_file_too(tmp_path: Path) -> None:
    """Nobody should believe a part to be frozen that is not."""
    (tmp_path / "langgraph-gepa.toml").write_text('[frozen]\nrouter = "Zeta"\n')
    with pytest.raises(UsageError, match=r"frozen in .*langgraph-gepa.toml: 'Zeta' is not in the text of router"):
        directions()
