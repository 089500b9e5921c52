"""Decides which code is the user's, LangChain's or another library's, and looks up modules without running any."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import sysconfig
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

_FRAMEWORKS = frozenset({"langchain", "langgraph", "deepagents"})
_INTEGRATIONS = ("langchain_", "langgraph_")
_OURS = "langgraph_gepa"
_DEMO = "langgraph_gepa.demo"  # written like a user's code, also when installed
_INSTALLED = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
_broken: set[tuple[str, str]] = set()
"""Modules of the project that failed to import, by name and path; they are not tried again."""
_PACKAGES = frozenset({"site-packages", "dist-packages"})  # also those of another environment on the path


def own(module: object) -> bool:
    """Whether a module is the user's: neither standard nor installed, except installed packages that build agents.

    `module` is a `__module__`, which need not be a string.
    """
    return type(module) is str and _own(module.split(".")[0], module)


def framework(module: object) -> bool:
    """Whether a module belongs to LangChain or LangGraph, whose objects hold the user's texts."""
    if type(module) is not str or module.startswith(_DEMO):
        return False
    top = module.split(".")[0]
    return top in _FRAMEWORKS or (top.startswith(_INTEGRATIONS) and _installed(top))


def names_in(module: ModuleType) -> dict[str, Any]:
    """The names in a module, read without triggering the import of a lazy module."""
    names: dict[str, Any] = object.__getattribute__(module, "__dict__")
    return names


def module_named(name: object) -> ModuleType | None:
    """The loaded module of this name; `sys.modules` may also hold `None` or anything else."""
    found = sys.modules.get(name) if type(name) is str else None
    return found if issubclass(type(found), ModuleType) else None


def loaded(name: str) -> ModuleType | None:
    """The module of this name. A module of the project is imported if necessary; a library's is not."""
    found = module_named(name)
    if found is not None or name in sys.modules:
        return found
    path = _project_path(name.partition(".")[0])
    if path is None or (name, path) in _broken:
        return None
    try:
        importlib.import_module(name)
    except (Exception, SystemExit):  # noqa: BLE001 - the user's module may raise anything when it is imported
        _broken.add((name, path))
    return module_named(name)


def _project_path(top: str) -> str | None:
    """The file or folder of a top-level module of the project; `None` for a library's, and if there is none."""
    if top in sys.stdlib_module_names or top == "__main__":
        return None
    if (module := module_named(top)) is not None:
        file, folders = file_of(module), names_in(module).get("__path__")
    elif (spec := _spec(top)) is not None:
        file, folders = spec.origin or "", spec.submodule_search_locations
    else:
        return None
    paths = [file] if file else [str(folder) for folder in folders or ()]
    return paths[0] if paths and not any(map(in_library, paths)) else None


def _spec(top: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(top)
    except Exception:  # noqa: BLE001 - finders are the user's too, and `sys.modules` may hold anything
        return None


def file_of(module: ModuleType | None) -> str:
    """The file of a module; `""` if there is none."""
    file = names_in(module).get("__file__") if module is not None else None
    return file if isinstance(file, str) else ""


def own_code(code: CodeType, module: object) -> bool:
    """Whether a function is the user's and was written rather than generated.

    A library's wrapper claims to be in the module of the user's function, so its file is checked as well.
    """
    if not own(module) or (code.co_filename.startswith("<") and code.co_name.startswith("__")):
        return False
    return not in_library(code.co_filename) or _of_package(code.co_filename, str(module).split(".")[0])


@cache
def _own(top: str, module: str) -> bool:
    if module == "__main__":
        return True
    if top in sys.stdlib_module_names or (top == _OURS and not module.startswith(_DEMO)):
        return False
    if framework(module) or top in ("langsmith", "pydantic", "pydantic_core", "typing_extensions"):
        return False
    return not _installed(module) or module.startswith(_DEMO) or _builds_agents(top)


@cache
def _installed(module: str) -> bool:
    path = file_of(module_named(module))
    return bool(path) and in_library(path)


@cache
def _of_package(path: str, top: str) -> bool:
    """Whether a file belongs to this package, rather than to a library whose wrapper copied the name."""
    return top in Path(path).with_suffix("").parts


@cache
def in_library(path: str) -> bool:
    """Whether a file belongs to an installed package or the standard library."""
    parts = Path(path).parts
    if parts[-3:-1] == tuple(_DEMO.split(".")):
        return False
    return path.startswith(_INSTALLED) or not _PACKAGES.isdisjoint(parts)


@cache
def _builds_agents(top: str) -> bool:
    """Whether an installed package uses LangChain or LangGraph, so that it is an agent."""
    return any(
        framework(_module_of(value))
        for name in list(sys.modules)
        if (name == top or name.startswith(top + ".")) and (module := module_named(name)) is not None
        for value in list(names_in(module).values())
    )


def _module_of(value: object) -> object:
    """The module of a value, found without its other attributes, which may import a package."""
    cls = type(value)
    if cls is ModuleType:
        return names_in(value).get("__name__")  # type: ignore[arg-type]  # its class says that it is a module
    if issubclass(cls, type | FunctionType):
        return getattr(value, "__module__", None)
    return cls.__module__
