"""The arrows of the design: core <- search, reflection <- engine <- adapters <- runs <- api <- cli, demo."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

import langgraph_gepa

PACKAGE = "langgraph_gepa"
ROOT = Path(langgraph_gepa.__file__).parent
ADAPTERS = {"adapter", "store", "langsmith", "writeback", "report"}
CORE = {"errors", "core"}
ALLOWED = {
    "errors": {"core"},
    "core": CORE,
    "search": CORE,
    "reflection": CORE,
    "engine": CORE | {"search", "reflection"},
    **{adapter: CORE | {"search", "reflection", "engine"} for adapter in ADAPTERS},
    "testing": CORE | {"search", "reflection", "engine"},
    "runs": CORE | {"search", "reflection", "engine", "runs"} | ADAPTERS,
    "api": CORE | {"search", "reflection", "engine", "runs"} | ADAPTERS,
}
"""What a part may import of the others. Parts that are not named stand above all of these."""


def imports(file: Path) -> set[str]:
    """Full names of all that a file imports, wherever in the file, for type checkers too."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative imports hide the arrows"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


FILES = [(file.relative_to(ROOT).with_suffix("").parts, imports(file)) for file in sorted(ROOT.rglob("*.py"))]
FILES = [pytest.param(parts[0], found, id="/".join(parts)) for parts, found in FILES]


@pytest.mark.parametrize(("part", "found"), FILES)
def test_arrows_run_one_way(part: str, found: set[str]) -> None:
    """A part imports only what lies below it; nobody imports the command line."""
    used = {name.split(".")[1] for name in found if name.startswith(f"{PACKAGE}.")}
    anything = used if part in {"cli", "__main__"} else used - {"cli", "demo", "testing"}
    assert used - {part} <= ALLOWED.get(part, anything)


@pytest.mark.parametrize(("part", "found"), FILES)
def test_the_core_depends_on_little(part: str, found: set[str]) -> None:
    """The rules are the standard library and numpy without input or output; LangChain is the adapter's alone."""
    outside = {name.split(".")[0] for name in found} - {PACKAGE, *sys.stdlib_module_names}
    if part in {"core", "errors", "reflection", "search"}:
        assert outside <= {"core": {"pydantic"}, "search": {"numpy"}}.get(part, set())  # numpy: the posterior
        assert not found & {"asyncio", "time", "os", "pathlib", "datetime", "random.random", "random.choice"}
    if part in {"engine", "testing"}:
        assert outside <= {"pydantic"}
    if part not in {"adapter", "demo"}:
        assert not {name for name in outside if name.startswith(("langgraph", "langchain"))}


PAGE = ROOT.parent / "docs" / "architecture.md"


@pytest.mark.skipif(not PAGE.is_file(), reason="the package is tested away from its repository")
def test_the_architecture_page_names_what_is_there() -> None:
    """Every file and module that the page names exists, so that it cannot fall behind a move."""
    named = re.findall(r"`((?:tests/)?[a-z_]+(?:[./][a-z_]+)*(?:\.py)?)`", PAGE.read_text(encoding="utf-8"))
    parts = {path.name for path in ROOT.iterdir() if path.is_dir()}
    files = [name for name in named if name.endswith(".py") or re.split("[./]", name)[0] in parts]
    assert len(files) > 40
    for name in files:
        place = name.removesuffix(".py").replace(".", "/")
        roots = (ROOT, ROOT / "adapter", ROOT / "engine", ROOT.parent)
        whole = any((root / place).is_dir() or (root / f"{place}.py").is_file() for root in roots)
        inside, _, member = place.rpartition("/")
        text = next((f for f in (ROOT / f"{inside}.py", ROOT / inside / "__init__.py") if f.is_file()), None)
        assert whole or (text is not None and f"def {member}(" in text.read_text(encoding="utf-8")), name
