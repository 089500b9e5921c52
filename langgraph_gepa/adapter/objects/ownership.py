"""Whose code it is: the user's is read, the frameworks' objects are only looked into."""

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
_DEMO = "langgraph_gepa.demo"  # written as a user would; also when it comes in our wheel
_INSTALLED = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
_broken: set[tuple[str, str]] = set()
"""Modules of the project that could not be imported, by name and place: their code is not run again."""
_PACKAGES = frozenset({"site-packages", "dist-packages"})  # also those of another environment on the path


def own(module: object) -> bool:
    """Whether the module of this name is the user's: not a standard or installed one, save installed ones that build
    agents. The `__module__` of a compiled class may be no string."""
    return type(module) is str and _own(module.split(".")[0], module)


def framework(module: object) -> bool:
    """Whether a module belongs to LangChain or LangGraph, whose objects carry the user's texts."""
    if type(module) is not str or module.startswith(_DEMO):
        return False
    top = module.split(".")[0]
    return top in _FRAMEWORKS or (top.startswith(_INTEGRATIONS) and _installed(top))


def names_in(module: ModuleType) -> dict[str, Any]:
    """The names in a module. Lazy modules load themselves, and may fail, when they are asked in any other way."""
    names: dict[str, Any] = object.__getattribute__(module, "__dict__")
    return names


def module_named(name: object) -> ModuleType | None:
    """The loaded module of this name. `sys.modules` may hold anything, such as `None` for one that must not load."""
    found = sys.modules.get(name) if type(name) is str else None
    return found if issubclass(type(found), ModuleType) else None


def loaded(name: str) -> ModuleType | None:
    """The module of this name. One of the project's is imported where that has not been done yet, as a function that
    names it does when it runs; a library's is not."""
    found = module_named(name)
    if found is not None or name in sys.modules:
        return found
    place = _place(name.partition(".")[0])
    if place is None or (name, place) in _broken:
        return None
    try:
        importlib.import_module(name)
    except (Exception, SystemExit):  # noqa: BLE001 - the user's module may raise anything when it is imported
        _broken.add((name, place))
    return module_named(name)


def _place(top: str) -> str | None:
    """Where a module or package of the project is; `None` for a library's, and where there is none."""
    if top in sys.stdlib_module_names or top == "__main__":
        return None
    if (module := module_named(top)) is not None:
        file, folders = file_of(module), names_in(module).get("__path__")
    elif (spec := _spec(top)) is not None:
        file, folders = spec.origin or "", spec.submodule_search_locations
    else:
        return None
    places = [file] if file else [str(folder) for folder in folders or ()]
    return places[0] if places and not any(map(in_library, places)) else None


def _spec(top: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(top)
    except Exception:  # noqa: BLE001 - finders are the user's too, and `sys.modules` may hold anything
        return None


def file_of(module: ModuleType | None) -> str:
    """The file of a module, `""` where there is none."""
    file = names_in(module).get("__file__") if module is not None else None
    return file if isinstance(file, str) else ""


def own_code(code: CodeType, module: object) -> bool:
    """Whether a function is the user's and was written, to a file or a shell, rather than generated.

    What a library wraps around a user's function says it is of the user's module: its file tells.
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
    """Whether a library's file belongs to this package, rather than to one whose wrapper took its name."""
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
    """Whether an installed package uses LangGraph itself: then it is somebody's agent."""
    return any(
        framework(_from(value))
        for name in list(sys.modules)
        if (name == top or name.startswith(top + ".")) and (module := module_named(name)) is not None
        for value in list(names_in(module).values())
    )


def _from(value: object) -> object:
    """The module a value comes from. Its attributes are not asked for: some packages load themselves by that."""
    cls = type(value)
    if cls is ModuleType:
        return names_in(value).get("__name__")  # type: ignore[arg-type]  # its class says that it is a module
    if issubclass(cls, type | FunctionType):
        return getattr(value, "__module__", None)
    return cls.__module__
