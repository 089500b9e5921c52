import subprocess
from pathlib import Path

import pytest

from langgraph_gepa.core.module import Module
from langgraph_gepa.writeback.changes import Changes
from langgraph_gepa.writeback.plan import plan


def module(
    name: str, text: str, file: str | None = "app/prompts.py", line: int | None = None, style: str = "plain"
) -> Module:
    return Module(name, "prompt", text, style, file=file, line=line)  # type: ignore[arg-type]  # one of Style's members


def git_applies(changes: Changes) -> None:
    """Takes the diff through git and compares the files with what was planned."""
    patch = changes.diff.encode("utf-8", "surrogateescape")
    done = subprocess.run(["git", "apply", "-"], input=patch, cwd=changes.root, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    for file in changes.files:
        assert file.path.read_bytes() == file.after


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("app/prompts.py", b'A = "Old."\n\nB = "Stays."\n'),
        ("no_end.py", b'A = "Old."'),
        ("lines.py", b'A = "Old."\r\nB = 1\r\n'),
        ("bom.py", b'\xef\xbb\xbfA = "Old."\n'),
        ("latin.py", b'# coding: latin-1\nA = "Old."  # \xe9\n'),
        ("with space.py", b'A = "Old."\n\x0cB = 1\n'),
        ("\u00e9.md", b"Old.\r\n"),
        ("p.json", b'{"a": "Old."}'),
    ],
)
def test_git_applies_the_diff(repository: Path, name: str, before: bytes) -> None:
    """The diff is one that git takes, to the byte, whatever the file's ends, name and encoding."""
    path = repository / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(before)
    changes = plan([module("a", "Old.", name)], {"a": "New é."})
    assert changes.modules == ("a",)
    git_applies(changes)


def test_paths_are_those_of_the_work_tree(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run from a folder below, the diff still names files from the root, as git does."""
    (repository / "app").mkdir()
    (repository / "app" / "prompts.py").write_text('A = "Old."\n')
    monkeypatch.chdir(repository / "app")
    changes = plan([module("a", "Old.", "prompts.py", 1)], {"a": "New."})
    assert changes.diff.startswith("--- a/app/prompts.py\n+++ b/app/prompts.py\n")
    git_applies(changes)


@pytest.fixture
def prompts(repository: Path) -> Path:
    path = repository / "app" / "prompts.py"
    path.parent.mkdir()
    lines = [
        'TOOLS = "a, b"',
        'A = "Be kind to all."',
        'B = "You have the tools {} at hand.".format(TOOLS)',
        'C = "Be brief."',
        'D = " ".join(["Line one.", "Line two.", TOOLS])',
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_what_cannot_be_written_is_refused_with_its_reason(prompts: Path) -> None:
    """Each text without a place of its own is named with why, and the others are planned all the same."""
    modules = [
        module("kind", "Be kind to all.", line=2),
        module("made", "You have the tools a, b at hand.", line=3),
        module("joined", "Line one. Line two. a, b", line=5),
        module("nowhere", "Pulled.", None),
        module("lost", "Be old.", line=2),
        module("library", "Be lib.", subprocess.__file__),
        module("gone", "Be gone.", "app/none.py"),
        module("cell", "Be in a cell.", "/var/ipykernel_42/2257230979.py"),
        module("old cell", "Be in a cell.", "<ipython-input-1-5f0a>"),
        module("one", "Be brief.", line=4),
        module("two", "Be brief.", line=4),
    ]
    changes = plan(modules, {m.name: f"New {m.name}." for m in modules})
    assert changes.modules == ("kind",)
    refused = changes.refused
    assert "put together when the program runs (app/prompts.py:3)" in refused["made"]
    assert "put together with `TOOLS`, whose words the new text does not keep" in refused["joined"]
    assert "copy it from result.prompts" in refused["nowhere"]
    assert [refused[name].startswith("it stands in a notebook's cell") for name in ("cell", "old cell")] == [True, True]
    assert "installed package" in refused["library"]
    assert "no file app/none.py" in refused["gone"]
    assert "also the place of two" in refused["one"]
    assert "also the place of one" in refused["two"]
    assert list(changes.stale) == ["lost"]
    printed = repr(changes).splitlines()
    assert printed[0] == "app/prompts.py: kind"
    assert f"Not written: nowhere: {refused['nowhere']}." in printed
    assert "result.graph" in printed[-1]


def test_a_patch_with_notes_is_still_a_patch(prompts: Path) -> None:
    """Notes of any number of lines are comments, whatever they look like, and what follows them applies."""
    changes = plan([module("kind", "Be kind to all.", line=2)], {"kind": "Be kind."})
    patch = changes.patch("Not written: a.", "two lines\n--- a/app/prompts.py\n+++ b/app/prompts.py\r@@ -1 +1 @@")
    assert patch.endswith(changes.diff)
    subprocess.run(["git", "apply", "-"], input=patch.encode(), cwd=changes.root, check=True)
    assert 'A = "Be kind."' in prompts.read_text()
    assert changes.patch() == changes.diff


def test_a_shared_text_is_written_once_when_all_agree(prompts: Path) -> None:
    """Two modules at one place that say the same are one edit; one that stays is no agreement."""
    modules = [module("one", "Be brief.", line=4), module("two", "Be brief.", line=4)]
    changes = plan(modules, {"one": "Be short.", "two": "Be short."})
    assert changes.modules == ("one", "two")
    assert changes.diff.count("+C = ") == 1
    assert list(plan(modules, {"one": "Be short."}).refused) == ["one"]


def test_a_text_that_is_there_already_is_done(prompts: Path) -> None:
    """Writing twice is writing once."""
    changes = plan([module("kind", "Be cruel.", line=2)], {"kind": "Be kind to all."})
    assert changes.done == ("kind",)
    assert changes.diff == ""
    assert not changes.stale


def test_nothing_is_read_for_texts_that_stay(repository: Path) -> None:
    """A module that is not changed is no reason to complain."""
    changes = plan([module("a", "Old.", "none.py"), module("b", "Old.", None)], {"a": "Old."})
    assert (changes.diff, changes.refused, changes.stale) == ("", {}, {})


def test_a_text_read_from_a_file_is_written_there(repository: Path) -> None:
    """What the Python file only reads has its home in the file that holds it; runs and copies are no homes."""
    (repository / "app").mkdir()
    (repository / "app" / "prompts.py").write_text('A = open("a.md").read()\nB = load("b.yaml")["b"]\nC = load("c")\n')
    (repository / "app" / "a.md").write_text("Be kind.\n")
    (repository / "app" / "b.yaml").write_text("b: Be brief. # why\nc: 1\n")
    for folder in ("one", "two"):
        (repository / folder).mkdir()
        (repository / folder / "c.txt").write_text("Be calm.")
    (repository / "runs").mkdir()
    (repository / "runs" / "run.db").touch()
    (repository / "runs" / "prompts.json").write_text('{"a": "Be kind.", "b": "Be brief."}')
    modules = [module("a", "Be kind.\n", line=1), module("b", "Be brief.", line=2), module("c", "Be calm.", line=3)]
    changes = plan(modules, {"a": "Be kinder.\n", "b": "Be short.", "c": "Be."})
    assert {file.name: file.after for file in changes.files} == {
        "app/a.md": b"Be kinder.\n",
        "app/b.yaml": b"b: Be short. # why\nc: 1\n",
    }
    assert "one/c.txt, two/c.txt" in changes.refused["c"]


def test_a_text_of_constants_alone_grows_beside_them_and_is_stale_when_one_of_them_changed(repository: Path) -> None:
    """Its text is known from the file alone, whatever the layout of the constants and of the sum."""
    source = 'A = ("Be kind "\n     "to all.")\nB = "Go " + "home."\nC = A + B\nD = "\\n".join((A, B))\n'
    (repository / "a.py").write_text(source)
    both = "Be kind to all.Go home."
    modules = [module("c", both, "a.py", 4), module("d", both.replace(".", ".\n", 1), "a.py", 5)]
    texts = {m.name: f"{m.text} Now." for m in modules}
    (changed,) = plan(modules, texts).files
    assert changed.after.decode() == source.replace("A + B", 'A + B + " Now."').replace(
        '"\\n".join((A, B))', 'f"{A}\\n{B} Now."'
    )
    (repository / "a.py").write_text(source.replace("kind", "good"))
    assert set(plan(modules, texts).stale) == {"c", "d"}


@pytest.mark.parametrize(
    ("code", "made"),
    [
        ('A = "You serve NAME with patience.".replace("NAME", WHO)', True),
        ('A = template("greeting", who=WHO)', True),
        ("A = HEAD + WHO", True),
        ('A = chat([("system", "You serve the guest.")])', False),
        ('A = "You serve the guest."', False),
        ('def a():\n    return template("greeting", who=WHO)', False),
        ('A = "Answer the letters of {}, line by line.".format(WHO)', False),
    ],
)
def test_a_text_that_is_gone_differs_from_one_that_a_program_makes(repository: Path, code: str, made: bool) -> None:
    """Made is what a name is given when the file is loaded, of names and of words that the text has; all else that is
    not there has changed since the run."""
    (repository / "a.py").write_text(f"from b import HEAD, WHO, chat, template\n{code}\n")
    line = 1 + len(code.splitlines())
    changes = plan([module("a", "You serve Ann with patience.", "a.py", line)], {"a": "Serve Ann."})
    assert (set(changes.refused), set(changes.stale)) == (({"a"}, set()) if made else (set(), {"a"}))
