"""Imports the module that a specification names, as the project itself would import it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

from langgraph_gepa.adapter.dataflow import text_files
from langgraph_gepa.adapter.failures.frames import raised_at
from langgraph_gepa.errors import GraphError


def module_files(name: str, folder: Path) -> Iterator[Path]:
    """Yields the files that importing a module would load, its packages included; none where any cannot be found."""
    path = [*([] if str(folder) in sys.path else [str(folder)]), *sys.path, *_source_folders(folder)]
    parts = name.split(".")
    found: list[Path] = []
    for depth in range(1, len(parts) + 1):
        whole = ".".join(parts[:depth])
        loaded = sys.modules.get(whole)
        spec = loaded.__spec__ if loaded is not None else PathFinder.find_spec(whole, path)
        if spec is None and depth == 1 and whole.isidentifier():
            spec = importlib.util.find_spec(whole)  # an editable installation's own finder may know it
        if spec is None:
            return
        if spec.has_location and spec.origin:
            found.append(Path(spec.origin).resolve())
        path = list(spec.submodule_search_locations or ())
    if spec is not None and spec.has_location:
        yield from found


def is_path(where: str) -> bool:
    return where.endswith(".py") or "/" in where or "\\" in where


def import_file(where: str) -> ModuleType:
    """Imports a file once, under the name by which the project would import it where that name is not another's."""
    path = Path(where).resolve()
    if not path.is_file():
        raise GraphError(f"there is no file {where}; paths are taken from {Path.cwd()}")
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and module.__name__ != "__main__" and Path(file) == path:
            return module
    root, name = package_root(path)
    for folder in dict.fromkeys([str(root), str(Path.cwd())]):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    _add_source_folders(root)
    if name in sys.modules or (spec := importlib.util.find_spec(name.partition(".")[0])) is None or not spec.origin:
        return _execute(path, where)
    if root in Path(spec.origin).parents:
        return import_module(name)
    return _execute(path, where)


def package_root(path: Path) -> tuple[Path, str]:
    """Returns the folder to import a file from, and the file's module name there."""
    names = [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    return folder, ".".join(names)


def _execute(path: Path, where: str) -> ModuleType:
    """Imports a file under a unique name, as its own is another module's."""
    name = f"{path.stem}_{abs(hash(path)):x}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise GraphError(f"{where} is not a Python file; a graph is loaded from a file that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the user's file raises is the cause to show
        del sys.modules[name]
        raise GraphError(_import_error(where, error)) from error
    return module


def import_module(name: str) -> ModuleType:
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    _add_source_folders()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name and (name == missing.name or name.startswith(missing.name + ".")):
            elsewhere = _elsewhere(missing.name)
            fix = f". {elsewhere}" if elsewhere else "; name a file as path/to/file.py:attribute"
            raise GraphError(f"there is no module {name!r}{fix}") from missing
        raise GraphError(_import_error(name, missing)) from missing
    except Exception as error:  # whatever the user's module raises is the cause to show
        raise GraphError(_import_error(name, error)) from error


def _source_folders(folder: Path) -> list[str]:
    """The folders `src` of a folder and of its project from which packages are imported, if there are any."""
    folders = dict.fromkeys((folder / "src", Path(text_files.project(str(folder))) / "src"))
    return [str(one) for one in folders if one.is_dir() and not (one / "__init__.py").exists()]


def _add_source_folders(*folders: Path) -> None:
    """Adds these folders' and the working directory's `src` to the path: last, for what nothing else provides."""
    for folder in (*folders, Path.cwd()):
        sys.path += [source for source in _source_folders(folder) if source not in sys.path]


def _elsewhere(module: str) -> str:
    """Where below the working directory a top-level module is that cannot be imported; empty where it is not found."""
    here = Path.cwd()
    for depth in ("*", "*/*", "*/*/*") if module.isidentifier() else ():
        for found in sorted([*here.glob(f"{depth}/{module}/__init__.py"), *here.glob(f"{depth}/{module}.py")]):
            folder = (found.parent.parent if found.name == "__init__.py" else found.parent).relative_to(here)
            if not any(part.startswith(".") for part in folder.parts) and not (here / folder / "__init__.py").exists():
                path = folder.as_posix()
                return f"{module} is in ./{path}: install the project (pip install -e .), or set PYTHONPATH={path}"
    return ""


def _import_error(where: str, error: Exception) -> str:
    hint = ""
    if isinstance(error, ModuleNotFoundError) and error.name:
        hint = ". " + (
            _elsewhere(error.name)
            or f"If {error.name} is a package, install it; if it is the project's own, run this from the folder that "
            "it is imported from, or add that to PYTHONPATH"
        )
    at = "" if isinstance(error, SyntaxError) else raised_at(error)
    return f"{where} cannot be imported: {type(error).__name__}: {error}{at}{hint}"
