"""Which modules are optimised: the default, names and patterns, and a choice that the project keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from langgraph_gepa.core.module import Module, Off
from langgraph_gepa.core.reason import Obstacle, Reason
from langgraph_gepa.errors import UsageError
from langgraph_gepa.runs.module_choice import Choice, choice_of, kept, require_chosen

MODULES = (
    Module("writer", "prompt", "Write."),
    Module("writer.tone", "prompt", "Be kind.", evidence="possible", off=Off.FILLING),
    Module("critic", "prompt", "Find faults.", evidence="seen"),
    Module("retry", "prompt", "Fix the arguments.", evidence="possible", off=Off.LIBRARY),
    Module("stuck", "prompt", "Read anew.", reason=Reason(Obstacle.OTHER, "it is made anew on every run")),
    Module("tool:search", "tool", "Search the shop."),
)


def on(modules: list[str] | str | None = None, library: bool = False, choice: Choice | None = None) -> list[str]:
    made = choice or choice_of(modules, library)
    return [module.name for module in made.applied(MODULES, ("prompt",)) if module.on]


def test_without_a_choice_the_prompts_that_reach_a_model_are_on() -> None:
    """Possible texts, descriptions of tools and texts of libraries are off until somebody asks for them."""
    assert on() == ["writer", "critic"]
    assert on(library=True) == ["writer", "critic", "retry"]


def test_a_graph_without_prompts_of_its_own_gets_those_of_libraries_optimised() -> None:
    """There is nothing else to optimise, which a message says; a choice that was made is kept."""
    alone = MODULES[3:]
    modules, message = Choice().to_optimise(alone, ("prompt",))
    assert [module.name for module in modules if module.on] == ["retry"]
    assert "retry" in message
    assert Choice().to_optimise(MODULES, ("prompt",)) == (Choice().applied(MODULES, ("prompt",)), "")
    kept_to, message = Choice(excluded=("writer*",)).to_optimise(alone + MODULES[:1], ("prompt",))
    assert (any(module.on for module in kept_to), message) == (False, "")


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        ("critic", ["critic"]),
        (["writer*"], ["writer", "writer.tone"]),
        (["*"], ["writer", "writer.tone", "critic", "retry"]),
        (["*", "!writer*"], ["critic", "retry"]),
        (["!critic"], ["writer"]),
        (["tool:*", "critic"], ["critic", "tool:search"]),
    ],
)
def test_names_and_patterns_choose(modules: list[str] | str, expected: list[str]) -> None:
    """A name is its module, a pattern is for the kinds that are optimised unless it names another, `!` takes away."""
    assert on(modules) == expected


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        (["writers"], "did you mean 'writer'"),
        (["x*"], "'x\\*' is not known"),
        (["stuck"], "made anew"),
        ([], "nothing"),
    ],
)
def test_a_choice_that_cannot_be_met_is_an_error(modules: list[str], message: str) -> None:
    """A typing mistake never changes silently what is paid for."""
    with pytest.raises(UsageError, match=message):
        on(modules)


def test_a_choice_that_takes_everything_away_is_not_blamed_on_the_graph() -> None:
    """The message names what was taken away, and what did so."""
    modules = choice_of(["!*"]).applied(MODULES, ("prompt",))
    with pytest.raises(UsageError, match=r"Nothing is left to optimise: writer, critic would be.*--except"):
        require_chosen(modules, ("prompt",))
    with pytest.raises(UsageError, match=r"No kind of module.*--kinds prompt"):
        require_chosen(Choice().applied(MODULES, ()), ())


def test_a_module_called_like_a_pattern_is_named_by_itself() -> None:
    """A declared prompt may have any name; a saved run names its modules exactly."""
    modules = [Module("a*", "prompt", "One."), Module("ab", "prompt", "Two.")]
    assert [m.name for m in choice_of(["a*"]).applied(modules, ("prompt",)) if m.on] == ["a*"]


def test_a_project_keeps_its_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest pyproject.toml says it, or a file beside langgraph.json, and arguments take its place."""
    (tmp_path / "pyproject.toml").write_text('[tool.langgraph-gepa]\nexcept = ["critic", "of-another-graph"]\n')
    (tmp_path / "src").mkdir()
    monkeypatch.chdir(tmp_path / "src")
    assert on() == ["writer"]
    assert on("critic") == ["critic"]
    (tmp_path / "src" / "langgraph.json").touch()
    (tmp_path / "src" / "langgraph-gepa.toml").write_text("all = true\n")
    assert on() == ["writer", "writer.tone", "critic", "retry"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('onyl = ["a"]', "unknown key 'onyl'"),
        ('only = "a"', "a list of names"),
        ("all = 1", "true or false"),
        ("only = [", "cannot be read"),
    ],
)
def test_a_kept_choice_that_is_wrong_names_its_file(tmp_path: Path, text: str, message: str) -> None:
    """The error names the file and the fix."""
    (tmp_path / "langgraph-gepa.toml").write_text(text)
    with pytest.raises(UsageError, match=message) as raised:
        kept(tmp_path)
    assert "langgraph-gepa.toml" in str(raised.value)
