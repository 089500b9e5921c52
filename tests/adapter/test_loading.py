from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from langgraph_gepa.adapter.loading import files_of, load_graph, load_metric
from langgraph_gepa.errors import GraphError

APP = """
from langgraph.graph import START, StateGraph
from words import HELLO
builder = StateGraph(dict)
builder.add_node("node", lambda state: {"said": HELLO})
builder.add_edge(START, "node")
graph = builder.compile(name="mine")
def make(): return builder
async def make_later(config): return graph
def make_with(*, config): return graph
def make_wrong(): return 5
def make_two(one, two): return graph
def make_bad(): raise RuntimeError("no database")
def make_for(settings): return settings.graph
number = 5
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Writes a project and makes it the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))

    def write(**files: str) -> Path:
        for name, text in files.items():
            (tmp_path / name.replace("__", "/")).with_suffix(".py").write_text(text)
        return tmp_path

    write(shop=APP, words="HELLO = 'hello'\n")
    yield write
    for name in [n for n, m in sys.modules.items() if str(tmp_path) in str(getattr(m, "__file__", ""))]:
        del sys.modules[name]


@pytest.mark.parametrize("attribute", ["graph", "builder", "make", "make_later", "make_with"])
@pytest.mark.parametrize("where", ["shop.py", "./shop.py", "shop"])
@pytest.mark.usefixtures("project")
def test_graphs_builders_and_factories_load_from_files_and_modules(where: str, attribute: str) -> None:
    """A file or module and an attribute name a graph; builders are compiled, functions called, own imports work."""
    graph = load_graph(f"{where}:{attribute}")
    assert isinstance(graph, CompiledStateGraph)
    assert graph.invoke({}) == {"said": "hello"}


@pytest.mark.usefixtures("project")
def test_a_file_is_imported_once() -> None:
    """Two graphs of one file, and the project's own import of it, are of one module."""
    assert load_graph("shop.py:graph") is load_graph("./shop.py:graph") is load_graph("shop:graph")


@pytest.mark.parametrize("entry", ["./shop.py:graph", {"path": "./shop.py:graph"}])
def test_a_bare_name_is_looked_up_in_the_manifest(entry: object, project: Callable[..., Path]) -> None:
    """`langgraph.json` lists graphs by name, as a path or an object with one."""
    (project() / "langgraph.json").write_text(json.dumps({"graphs": {"mine": entry}}))
    assert load_graph("mine").name == "mine"
    with pytest.raises(GraphError, match="lists no graph 'yours'; it lists mine"):
        load_graph("yours")


def test_an_object_passes_through() -> None:
    """A compiled graph is itself; a builder is compiled and left as it was."""
    builder = StateGraph(dict)
    builder.add_node("node", lambda _: {})
    builder.add_edge(START, "node")
    graph = load_graph(builder)
    assert load_graph(graph) is graph
    assert builder.compiled is False


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("missing.py:graph", "there is no file missing.py"),
        ("missing.py", "there is no file missing.py"),
        ("shop.py", "add the graph's attribute, such as shop.py:builder or shop.py:graph$"),
        ("words.py", "add the graph's attribute, such as words.py:graph$"),
        ("shop.py:grpah", "graphs there: shop.py:builder, shop.py:graph"),
        ("words.py:graph", "there are no graphs"),
        ("shop.py:number", "is not a graph but of type int"),
        ("shop.py:make_wrong", "made no graph but a value of type int"),
        ("shop.py:make_two", r"takes one, two; .*write a file that calls it, graph = make_two\(\.\.\.\)"),
        (
            "shop.py:make_for",
            r"'dict' object has no attribute 'graph' .*the run's config, a dict; .*make_for\(\.\.\.\)",
        ),
        ("shop.py:make_bad", "RuntimeError: no database"),
        ("broken.py:graph", "cannot be imported: ModuleNotFoundError.*If not_there is a package, install it"),
        ("wrong.py:graph", r"cannot be imported: ZeroDivisionError: .* \(.*wrong.py, line 3\)"),
        ("no.such.module:graph", "there is no module"),
        ("mine", "there is no langgraph.json here"),
    ],
)
def test_an_error_names_the_cause_and_the_fix(spec: str, words: str, project: Callable[..., Path]) -> None:
    """Whatever is wrong with a specification is said in words a person can act on."""
    project(broken="import not_there\n", wrong="\n\n1 / 0\n")
    with pytest.raises(GraphError, match=words):
        load_graph(spec)


FRONT = "from clinic.front import graph\n"


def package(folder: Path) -> None:
    """Writes a package that imports itself, with a graph."""
    (folder / "clinic").mkdir(parents=True)
    (folder / "clinic/__init__.py").touch()
    (folder / "clinic/words.py").write_text("HELLO = 'hello'\n")
    (folder / "clinic/front.py").write_text(APP.replace("from words", "from clinic.words"))


@pytest.mark.parametrize("spec", ["gepa_graph.py:graph", "clinic.front:graph", "src/clinic/front.py:graph"])
def test_a_package_under_src_needs_no_installation(spec: str, project: Callable[..., Path]) -> None:
    """Neither for a file beside `src` that imports it, nor to be named itself."""
    package(project(gepa_graph=FRONT) / "src")
    assert load_graph(spec).name == "mine"
    assert [file.name for file in files_of("clinic.front:graph", Path.cwd())] == ["__init__.py", "front.py"]


def test_a_file_below_the_root_finds_the_projects_packages(
    project: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From whichever folder it is loaded."""
    root = project()
    (root / "pyproject.toml").touch()
    (root / "evals").mkdir()
    project(evals__gepa_graph=FRONT)
    package(root / "src")
    monkeypatch.chdir(root / "evals")
    assert load_graph("gepa_graph.py:graph").name == "mine"


def test_what_is_importable_already_is_not_taken_from_src(project: Callable[..., Path]) -> None:
    """The folder comes last on the path."""
    root = project(gepa_graph=FRONT)
    package(root)
    (root / "src/clinic").mkdir(parents=True)
    (root / "src/clinic/__init__.py").write_text("raise RuntimeError")
    assert load_graph("gepa_graph.py:graph").name == "mine"


@pytest.mark.parametrize("folder", ["lib", "packages/core/src"])
@pytest.mark.parametrize("spec", ["gepa_graph.py:graph", "clinic.front:graph"])
def test_a_package_in_another_folder_is_found_for_the_message(
    folder: str, spec: str, project: Callable[..., Path]
) -> None:
    """It says what to set, and not to go to the root, where one is already."""
    package(project(gepa_graph=FRONT) / folder)
    with pytest.raises(GraphError, match=rf"clinic is in \./{folder}: .*PYTHONPATH={folder}$"):
        load_graph(spec)


def test_a_file_that_is_imported_for_a_message_counts_among_what_loading_runs(project: Callable[..., Path]) -> None:
    """A run's folder that names a file without an attribute gets nothing imported from where it must not."""
    assert files_of("shop.py", project()) == ((project() / "shop.py").resolve(),)


def test_a_metric_that_is_not_there_is_answered_with_the_functions_that_are(project: Callable[..., Path]) -> None:
    """Whoever mistypes a metric is shown what could be meant, and that no graph was looked for."""
    project(evals="from json import dumps\ndef score(outputs): return 1.0\ndef _own(): ...\n")
    with pytest.raises(GraphError, match=r"no attribute 'scroe'; functions there: evals.py:score$"):
        load_metric("evals.py:scroe")


def test_a_list_of_metrics_loads_each(project: Callable[..., Path]) -> None:
    """A list may name metrics and hold them, in a call and in a file."""
    project(several="def score(outputs): return 1.0\nboth = [score, 'several.py:score']\n")
    first, second = load_metric("several.py:both")
    assert first is second
    assert load_metric(["several.py:score"]) == [first]


ENVIRONMENT = """\ufeff# of the project
PLAIN=value # a comment
export EXPORTED = spaced out
SINGLE='it stays ${PLAIN} # so'
DOUBLE="two
lines\\nand \\"quotes\\""
MIXED=${PLAIN}/${NOWHERE:-default}/${NOWHERE}
HASH=#1
EMPTY=
SET=from the file
NO VALUE
"""
LOADED = {
    "PLAIN": "value", "EXPORTED": "spaced out", "SINGLE": "it stays value # so",
    "DOUBLE": 'two\nlines\nand "quotes"', "MIXED": "value/default/", "HASH": "#1", "EMPTY": "", "SET": "before",
}  # fmt: skip


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts the environment back afterwards."""
    for name in LOADED:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("SET", "before")


def manifest(folder: Path, env: object) -> None:
    (folder / "langgraph.json").write_text(json.dumps({"graphs": {"mine": "./app.py:graph"}, "env": env}))


@pytest.mark.usefixtures("variables")
@pytest.mark.parametrize("kind", ["a file", "a mapping"])
def test_the_manifests_environment_is_set_before_the_graph_is_loaded(
    kind: str, tmp_path: Path, project: Callable[..., Path]
) -> None:
    """As LangGraph's own command line reads it; what is set already stays."""
    (tmp_path / ".env").write_text(ENVIRONMENT, encoding="utf-8")
    project(app=f"import os\nSEEN = os.environ['PLAIN']\n{APP}", words="HELLO = 'hi'")
    manifest(tmp_path, ".env" if kind == "a file" else LOADED | {"SET": "from the manifest", "NONE": None})
    load_graph("mine")
    assert {name: os.environ.get(name) for name in LOADED} == LOADED
    assert load_metric("app.py:make").__globals__["SEEN"] == "value"


@pytest.mark.usefixtures("variables")
def test_an_environment_that_is_not_there_is_none_and_one_that_is_wrong_is_refused_without_its_values(
    tmp_path: Path, project: Callable[..., Path]
) -> None:
    """A repository seldom holds its `.env`."""
    project(app=APP, words="HELLO = 'hi'")
    manifest(tmp_path, ".env")
    assert load_graph("mine").name == "mine"
    manifest(tmp_path, ["PLAIN=sk-secret"])
    with pytest.raises(GraphError, match=r'"env" in langgraph\.json must be the path') as refused:
        load_graph("mine")
    assert "secret" not in str(refused.value)
    (tmp_path / ".env").write_bytes(b"PLAIN=sk-secret\xff")
    manifest(tmp_path, ".env")
    with pytest.raises(GraphError, match="cannot be read: it is no UTF-8 text") as refused:
        load_graph("mine")
    assert "secret" not in str(refused.value)
