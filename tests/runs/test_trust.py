"""A run's folder from somebody else is data: it decides neither what code is loaded nor which files are written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from typer.testing import Result as Ended

from langgraph_gepa import Result
from langgraph_gepa.cli import app
from langgraph_gepa.core.candidate import texts_key
from langgraph_gepa.runs.saved_run import SavedRun
from langgraph_gepa.runs.trust import adopt
from langgraph_gepa.store.folder import open_run


def call(line: str) -> Ended:
    return CliRunner().invoke(app, line.split())


@pytest.fixture
def own(started: Path, project: Path) -> Iterator[Path]:
    """The folder of a run that this user started in this project, as `run`."""
    shutil.copytree(started, project / "run")
    change_settings(project / "run", signed=True, checkout=lambda _: {"root": str(project), "folder": str(project)})
    yield project / "run"
    sys.modules.pop("letters", None)


@pytest.fixture
def run(own: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same folder as it comes to another user."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("elsewhere")))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path_factory.mktemp("elsewhere")))
    return own


@pytest.fixture
def ran(project: Path) -> Callable[[], bool]:
    """Whether code was loaded that writes down that it was."""
    return (project / "RAN").exists


CODE = "open('RAN', 'a').write('x')\nfrom letters import *\n"


def change_settings(run: Path, *, signed: bool = False, **changes: Any) -> None:
    """Changes the settings of a run, as anybody with its folder can."""
    with closing(open_run(run, create=False)) as store:
        config = store.settings()["asked"]
        store.configure({"asked": {**config, **{name: change(config[name]) for name, change in changes.items()}}})
        if signed:
            adopt(store)


def naming(what: str, words: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda spec: {**spec, what: words}


def test_code_is_loaded_on_the_word_of_nobody_else(run: Path, project: Path, ran: Callable[[], bool]) -> None:
    """Resuming and applying somebody else's run load nothing, and list what they would have loaded and how to go on."""
    (project / "letters.py").write_text(f"open('RAN', 'a').write('x')\n{(project / 'letters.py').read_text()}")
    for command in ("resume run --rollouts 60", "apply run"):
        refused = call(command)
        assert refused.exit_code == 2, refused.output
        assert f"the graph letters.py:graph (in {project / 'letters.py'})" in refused.stderr
        assert "--trust" in refused.stderr
    assert not ran()
    assert call("show run").exit_code == call("diff run").exit_code == call("export run").exit_code == 0
    assert not ran()


def test_a_strangers_run_is_applied_with_the_users_own_words_for_the_graph(run: Path, project: Path) -> None:
    """The command that names the graph says all that is needed, at a terminal or not."""
    done = call("apply run --graph letters.py:graph")
    assert (done.exit_code, done.stdout) == (0, "letters.py: sort, answer\n")
    assert f'ANSWER = "{Result.open(run).prompts["answer"]}"' in (project / "letters.py").read_text()


def test_a_run_that_is_trusted_becomes_the_users_own(run: Path, project: Path) -> None:
    """Once it is trusted it goes on as any run of this user's, and each time what is loaded is announced."""
    done = call("resume run --rollouts 50 --trust")
    assert done.exit_code == 0, done.output
    assert f"Loading the graph letters.py:graph (in {project / 'letters.py'}), the metric" in done.stderr
    assert SavedRun.open(run).own
    assert call("resume run --rollouts 60").exit_code == 0


WORDS = {
    "a file": "run/notes.py:graph",
    "an absolute path": "{run}/notes.py:graph",
    "a detour": "run/../run/./notes.py:graph",
    "a module": "run.notes:graph",
    "a package's module": "run.inner.notes:graph",
    "a link in the project": "linked.py:graph",
    "a folder that is a link": "folder/notes.py:graph",
    "a name in the manifest": "planted",
}


@pytest.mark.parametrize(
    ("what", "words"),
    [*(("graph", words) for words in WORDS), ("metric", "a module"), ("metric", "a link in the project"),
     ("options", "a file"), ("proposer", "a file"), ("proposer", "a module")],
)  # fmt: skip
def test_code_in_a_runs_folder_is_never_loaded(
    own: Path, project: Path, ran: Callable[[], bool], what: str, words: str
) -> None:
    """However it is named, for whatever, and be it in the words of this user's own or trusted."""
    (own / "inner").mkdir()
    for file in (own / "notes.py", own / "inner" / "notes.py"):
        file.write_text(CODE)
    (own / "inner" / "__init__.py").touch()
    (project / "linked.py").symlink_to(own / "notes.py")
    (project / "folder").symlink_to(own)
    (project / "langgraph.json").write_text(json.dumps({"graphs": {"planted": "./run/notes.py:graph"}}))
    for signed in (True, False):
        change_settings(own, signed=signed, spec=naming(what, WORDS[words].format(run=own)))
        commands = ["resume run --rollouts 60 --trust", "resume run --rollouts 60"]
        for command in [
            *commands,
            *(["apply run", "apply run --trust", "apply run --root ."] if what == "graph" else []),
        ]:
            refused = call(command)
            assert refused.exit_code == 2, refused.output
            assert not ran(), command
    if what == "graph":
        assert call(f"apply run --graph {WORDS[words].format(run=own)}").exit_code == 2
        assert not ran()


@pytest.mark.parametrize("what", ["graph", "metric"])
@pytest.mark.parametrize(
    "words", ["../notes.py:graph", "{outside}/notes.py:graph", "link.py:graph", "antigravity:graph"]
)
def test_a_trusted_run_names_code_of_the_project_alone(
    run: Path, project: Path, ran: Callable[[], bool], tmp_path_factory: pytest.TempPathFactory, words: str, what: str
) -> None:
    """Not what lies elsewhere on the machine, and no module of Python's or of a package."""
    outside = tmp_path_factory.mktemp("outside")
    for folder in (outside, project.parent):
        (folder / "notes.py").write_text(CODE)
    (project / "link.py").symlink_to(outside / "notes.py")
    change_settings(run, spec=naming(what, words.format(outside=outside)))
    for command in ("resume run --rollouts 60 --trust", *(["apply run --trust"] if what == "graph" else [])):
        refused = call(command)
        assert refused.exit_code == 2, refused.output
        assert "Nothing was loaded" in refused.stderr
    assert not ran()
    (project.parent / "notes.py").unlink()


def test_signed_words_are_worth_nothing_in_another_folder(
    own: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, ran: Callable[[], bool]
) -> None:
    """A copy of this user's own run, in a folder that has other code under the names in it, is somebody else's."""
    there = tmp_path_factory.mktemp("there")
    shutil.copytree(own, there / "run")
    for file in own.parent.glob("*.jsonl"):
        shutil.copy(file, there)
    (there / "letters.py").write_text(CODE)
    monkeypatch.chdir(there)
    for command in ("resume run --rollouts 60", "apply run"):
        assert call(command).exit_code == 2
    assert not (there / "RAN").exists()


def posing(name: str, file: str, text: str, note: str = "") -> Callable[[list[Any]], list[Any]]:
    """The modules of a run with one that is none: by a new name, or in place of a true one."""
    fake = {"name": name, "kind": "prompt", "text": text, "file": file, "line": 1, "note": note, "nodes": ["sort"]}
    return lambda modules: (
        [fake if module["name"] == name else module for module in modules]
        + ([] if any(module["name"] == name for module in modules) else [fake])
    )


def retell(run: Path, name: str, old: str, new: str) -> None:
    """Has the journal say that the seed had `old` in a module, and every other candidate `new`."""
    with closing(open_run(run, create=False)) as store:
        rows = [(id, json.loads(body)) for id, body in store._db.execute("SELECT id, body FROM events")]
        keys = {}
        for _, body in rows:
            texts = body.get("seed") or body.get("candidate", {}).get("texts")
            if texts is not None:
                before = texts_key(texts)
                texts[name] = new if body.get("candidate", {}).get("id") else old
                keys[before] = texts_key(texts)
        for id, body in rows:
            if body["type"] == "RolloutFinished":
                body["texts"] = keys.get(body["texts"], body["texts"])
            store._db.execute("UPDATE events SET body = ? WHERE id = ?", (json.dumps(body), id))


@pytest.mark.parametrize("name", ["sort", "extra"])
def test_what_a_stranger_calls_a_module_is_written_only_where_the_graph_has_it(
    run: Path, project: Path, name: str
) -> None:
    """Another text of the project under a module's name, or under a new one with the new text of a true module."""
    (project / "package.json").write_text('{"scripts": {"test": "jest --ci --coverage --all"}}')
    before = {file: (project / file).read_bytes() for file in ("package.json", "letters.py")}
    old, new = "jest --ci --coverage --all", Result.open(run).prompts["answer"]
    change_settings(run, found=posing(name, "package.json", old))
    retell(run, name, old, new)
    ended = call("apply run --graph letters.py:graph")
    assert ended.exit_code == 2
    assert f"has no {name} that says what the run started from, and the run is not yours" in ended.stderr
    assert {file: (project / file).read_bytes() for file in before} == before


@pytest.mark.parametrize("style", ["format", "plain", "jinja2"])
def test_a_text_that_does_more_than_the_graphs_own_is_not_written(run: Path, project: Path, style: str) -> None:
    """Whatever the run calls the language of the text, the graph decides what may stand in it."""
    before = (project / "letters.py").read_bytes()
    change_settings(
        run,
        found=lambda modules: [
            {**module, "style": style, "placeholders": []} if module["name"] == "answer" else module
            for module in modules
        ],
    )
    with closing(open_run(run, create=False)) as store:
        store._db.execute(
            "UPDATE events SET body = json_set(body, '$.candidate.texts.answer', ?) WHERE type = 'CandidateAdmitted'",
            ("Answer {name} and {name.__class__.__init__}.",),
        )
    ended = call("apply run --graph letters.py:graph")
    assert ended.exit_code == 2
    assert "the text for answer cannot be used: the text invents the placeholder {name.__class__" in ended.stderr
    assert (project / "letters.py").read_bytes() == before


UNREAD = "it is read when the graph runs"


@pytest.mark.parametrize(
    ("file", "note", "reason"),
    [
        (".git/config", "", "is hidden"),
        (".github/ci.yml", UNREAD, "is hidden"),
        ("config.yml", UNREAD, "no code shows that the graph reads it"),
        ("run/notes.md", "", "the run's own folder"),
        ("../outside.md", "", "outside of"),
        ("{outside}", "", "outside of"),
        ("linked.md", "", "outside of"),
        ("folder/outside.md", "", "outside of"),
    ],
)
def test_a_strangers_run_points_at_no_file_but_those_of_prompts(
    run: Path, project: Path, tmp_path_factory: pytest.TempPathFactory, file: str, note: str, reason: str
) -> None:
    """Not at what tools read, at what only the run says is a prompt, or out of the project by a path or a link."""
    outside = tmp_path_factory.mktemp("outside") / "outside.md"
    (project / "linked.md").symlink_to(outside)
    (project / "folder").symlink_to(outside.parent)
    place = Path(project, file.format(outside=outside))
    for target in (outside, project.parent / "outside.md", place):
        target.parent.mkdir(exist_ok=True)
        target.write_text("Sort the letters.\n")
    change_settings(run, found=posing("sort", file.format(outside=outside), "Sort the letters.", note))
    assert reason in Result.open(run).changes.refused["sort"]
    (project.parent / "outside.md").unlink()


def test_nothing_is_written_through_a_link_out_of_the_project(
    own: Path, project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Not in this user's own run either."""
    outside = tmp_path_factory.mktemp("outside") / "profile.md"
    outside.write_text("Sort the letters.\n")
    (project / "prompt.md").symlink_to(outside)
    change_settings(own, signed=True, found=posing("sort", "prompt.md", "Sort the letters."))
    assert "outside of" in Result.open(own).changes.refused["sort"]


def test_standing_in_a_strangers_folder_loads_no_module_of_it(run: Path) -> None:
    """Modules that the commands import later than others are not taken from the working directory."""
    for name in ("yaml", "numpy", "jinja2", "markupsafe", "difflib", "html", "langchain_core", "sitecustomize"):
        (run / f"{name}.py").write_text("open('RAN', 'a').write(__name__)")
    program = "from langgraph_gepa.cli import main; main()"
    subprocess.run([sys.executable, "-P", "-c", program, "diff", "."], cwd=run, capture_output=True, check=False)
    assert not (run / "RAN").exists()
