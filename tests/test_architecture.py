"""The arrows of the design, read from every import: docs/architecture.md draws them."""

from __future__ import annotations

import ast
import graphlib
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

import langgraph_gepa

PACKAGE = "langgraph_gepa"
ROOT = Path(langgraph_gepa.__file__).parent
CORE = {"errors", "core"}
ENGINE = CORE | {"search", "reflection", "engine"}
ADAPTERS = {"adapter", "writeback", "store", "langsmith", "report", "trackers"}
ALLOWED = {
    "errors": {"core"},
    "core": {"errors"},
    "search": CORE,
    "reflection": CORE,
    "engine": CORE | {"search", "reflection"},
    "testing": ENGINE,
    **dict.fromkeys(ADAPTERS, ENGINE),
    "server": ENGINE | {"adapter"},
    "runs": ENGINE | ADAPTERS | {"server"},
    "ui": ENGINE | ADAPTERS | {"runs"},
    "api": ENGINE | ADAPTERS | {"server", "runs", "ui"},
    "interop": ENGINE | ADAPTERS | {"runs"},
    "demo": ENGINE | ADAPTERS | {"runs", "api"},
    "cli": ENGINE | ADAPTERS | {"server", "runs", "ui", "api", "demo"},
    "__main__": {"cli"},
    "__init__": ENGINE | ADAPTERS | {"server", "runs", "api"},
}
"""What a part of the package may import of the others."""

ROOMS = {
    "templates": set(),
    "failures": set(),
    "objects": {"templates"},
    "dataflow": {"templates", "objects"},
    "isolation": {"objects", "dataflow"},
    "tracing": {"failures"},
    "observed": {"templates", "objects", "dataflow", "tracing"},
    "discovery": {"templates", "objects", "dataflow", "isolation", "tracing", "observed"},
    "tools": {"objects", "isolation", "discovery"},
    "rollout": {"failures", "objects", "isolation", "tracing", "observed", "discovery", "tools"},
}
"""What a room of the adapter may import of the others. Modules beside the rooms stand above them all."""


def imported(file: Path) -> set[str]:
    """Full names of all that a file imports, wherever in the file, for type checkers too."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative imports hide the arrows"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def own(names: set[str]) -> list[tuple[str, ...]]:
    return [tuple(name.split(".")[1:]) for name in names if name.startswith(f"{PACKAGE}.")]


IMPORTS = {file.relative_to(ROOT).with_suffix("").parts: imported(file) for file in sorted(ROOT.rglob("*.py"))}
EVERY_FILE = pytest.mark.parametrize("parts", [pytest.param(parts, id="/".join(parts)) for parts in IMPORTS])


@EVERY_FILE
def test_arrows_run_one_way(parts: tuple[str, ...]) -> None:
    """A part imports only what lies below it; nobody imports the command line."""
    assert {name[0] for name in own(IMPORTS[parts])} - {parts[0]} <= ALLOWED[parts[0]]


@EVERY_FILE
def test_arrows_between_rooms_run_one_way(parts: tuple[str, ...]) -> None:
    """Within the adapter, a room imports only the rooms that it is built on."""
    if parts[0] == "adapter" and len(parts) > 2:
        used = {name[1] for name in own(IMPORTS[parts]) if name[0] == "adapter"}
        assert used - {parts[1]} <= ROOMS[parts[1]]


@EVERY_FILE
def test_the_core_depends_on_little(parts: tuple[str, ...]) -> None:
    """The rules are the standard library and numpy without input or output; LangChain is the adapters' alone."""
    found = IMPORTS[parts]
    outside = {name.split(".")[0] for name in found} - {PACKAGE, *sys.stdlib_module_names}
    if parts[0] in {"core", "errors", "reflection", "search"}:
        assert outside <= {"core": {"pydantic"}, "search": {"numpy"}}.get(parts[0], set())
        assert not found & {"asyncio", "time", "os", "pathlib", "datetime", "random.random", "random.choice"}
    if parts[0] in {"engine", "testing"}:
        assert outside <= {"pydantic"}
    if parts[0] not in {"adapter", "demo", "server"}:
        assert not {name for name in outside if name.startswith(("langgraph", "langchain"))}


def test_no_module_imports_itself_in_a_circle() -> None:
    """The modules can be put in an order in which each imports only earlier ones."""

    def module(name: tuple[str, ...]) -> tuple[str, ...] | None:
        return next((n for n in (name, name[:-1], (*name, "__init__"), (*name[:-1], "__init__")) if n in IMPORTS), None)

    graph = {parts: {m for n in own(found) if (m := module(n)) and m != parts} for parts, found in IMPORTS.items()}
    tuple(graphlib.TopologicalSorter(graph).static_order())


def test_a_basename_occurs_once() -> None:
    """A module can be named without its folder."""
    names = Counter(parts[-1] for parts in IMPORTS if parts[-1] != "__init__")
    assert [name for name, count in names.items() if count > 1] == []


PAGE = ROOT.parent / "docs" / "architecture.md"


@pytest.mark.skipif(not PAGE.is_file(), reason="the package is tested away from its repository")
def test_the_architecture_page_names_what_is_there() -> None:
    """Every file and module that the page names exists, so that it cannot fall behind a move."""
    named = re.findall(r"`((?:tests/)?[a-z_]+(?:[./][a-z_]+)*(?:\.py)?)`", PAGE.read_text(encoding="utf-8"))
    parts = {path.name for path in ROOT.iterdir() if path.is_dir()} | set(ROOMS)
    files = [name for name in named if name.endswith(".py") or re.split("[./]", name)[0] in parts]
    assert len(files) > 40
    roots = (ROOT, ROOT / "adapter", ROOT.parent)
    for name in files:
        place = name.removesuffix(".py").replace(".", "/")
        whole = any((root / place).is_dir() or (root / f"{place}.py").is_file() for root in roots)
        inside, _, member = place.rpartition("/")
        texts = [f for root in roots for f in (root / f"{inside}.py", root / inside / "__init__.py") if f.is_file()]
        assert whole or any(f"{kind} {member}" in f.read_text() for f in texts for kind in ("def", "class")), name
