"""Modules that a function imports when it runs, or has in its closure, and what it looks up in them."""

from __future__ import annotations

import ast
import weakref
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from opcode import opmap
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

from langgraph_gepa.adapter.objects import ownership, source_code
from langgraph_gepa.adapter.objects.handler import ABSENT, Step
from langgraph_gepa.adapter.objects.import_copies import Builtins, Names

_IMPORT = opmap["IMPORT_NAME"]


class Import(NamedTuple):
    """What an import statement binds to `name`: what `path` leads to in the module `home`, once `loaded` is there."""

    name: str
    loaded: str
    home: str
    path: tuple[str, ...]


class Lookup(NamedTuple):
    """A name that a function looks up in a module.

    Its step is `import dotted.name module attribute...` for what an import statement binds, or
    `closure variable attribute...`.
    """

    step: Step
    names: Names
    name: str

    @property
    def value(self) -> Any:
        return self.names.get(self.name, ABSENT)


@dataclass(frozen=True, slots=True)
class _Read:
    """The import statements in a function's code, the modules it imports by `import_module` and the names it gives
    them, and what its code looks up, by the name that this begins with."""

    statements: tuple[ast.Import | ast.ImportFrom, ...]
    called: tuple[tuple[str, str], ...]
    paths: Mapping[str, tuple[tuple[str, ...], ...]]


_read: weakref.WeakKeyDictionary[CodeType, _Read] = weakref.WeakKeyDictionary()
_importing: weakref.WeakKeyDictionary[CodeType, bool] = weakref.WeakKeyDictionary()


def lookups(function: FunctionType) -> Collection[Lookup]:
    """What a function looks up in modules of the project that import statements in it, or its closure, give it."""
    found: dict[Step, Lookup] = {}
    for one in of(function):
        if (module := _module(function, one)) is not None and ownership.own(one.home):
            for attributes in _reading(function.__code__).paths.get(one.name, ()):
                for depth, (names, name) in enumerate(_along(module, (*one.path, *attributes)), 1):
                    dotted = ".".join((one.name, *attributes[: max(0, depth - len(one.path))]))
                    path = (*one.path, *attributes)[:depth]
                    step: Step = ("import", dotted, one.home, *path)
                    found[step] = Lookup(step, names, name)
    for variable, module in _enclosed(function):
        for attributes in _reading(function.__code__).paths.get(variable, ()):
            for depth, (names, name) in enumerate(_along(module, attributes), 1):
                step = ("closure", variable, *attributes[:depth])
                found[step] = Lookup(step, names, name)
    return found.values()


def values(function: FunctionType, name: str) -> list[Any]:
    """What import statements in a function may bind a name to, as far as that is loaded."""
    found = []
    for one in of(function):
        if one.name == name and (value := _module(function, one)) is not None:
            for attribute in one.path:
                value = _member(value, attribute)
            found.append(value)
    return [value for value in found if value is not ABSENT]


def called(node: ast.AST) -> str:
    """What stands for `import_module("module")` in names and steps; `""` for any other expression."""
    match node:
        case ast.Call(
            func=ast.Name(id="import_module") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value=str(home)), *package],
            keywords=keywords,
        ):
            given = [*package, *(keyword.value for keyword in keywords)]
            relative = any(isinstance(one, ast.Name) and one.id == "__package__" for one in given)
            return f"import_module({home})" if relative or home[:1] != "." else ""
    return ""


def of(function: FunctionType) -> Iterator[Import]:
    """What the import statements in a function bind."""
    if not _imports(function.__code__):
        return
    for name, home in _reading(function.__code__).called:
        level = len(home) - len(home.lstrip("."))
        if home := _home(function.__globals__, home[level:], level):
            yield Import(name, home, home, ())
    for statement in _reading(function.__code__).statements:
        match statement:
            case ast.Import(names=aliases):
                for alias in aliases:
                    top, *path = alias.name.split(".")
                    yield Import(alias.asname or top, alias.name, top, tuple(path) if alias.asname else ())
            case ast.ImportFrom(names=aliases):
                home = _home(function.__globals__, statement.module or "", statement.level)
                yield from (Import(a.asname or a.name, home, home, (a.name,)) for a in aliases if home)


def root(function: FunctionType, step: Step) -> Names:
    """The names of the module at which a step `import` or `closure` begins."""
    if step[0] == "import":
        module = seen_by(function, ownership.module_named(step[2]))
    else:
        module = dict(_enclosed(function)).get(str(step[1]))
    return {} if module is None else ownership.names_in(module)


def seen_by(function: FunctionType, module: ModuleType | None) -> ModuleType | None:
    """A loaded module as import statements in a function give it: the copy of a function is given copies."""
    held = function.__globals__.get("__builtins__")
    return held.importer.copy_of(module) if module is not None and isinstance(held, Builtins) else module


def _imports(compiled: CodeType) -> bool:
    """Whether a function's code, inner functions included, imports anything."""
    if (known := _importing.get(compiled)) is None:
        inner = (const for const in compiled.co_consts if isinstance(const, CodeType))
        here = _IMPORT in compiled.co_code[::2] or "import_module" in compiled.co_names
        known = _importing[compiled] = here or any(map(_imports, inner))
    return known


def _reading(compiled: CodeType) -> _Read:
    if (known := _read.get(compiled)) is None:
        source = source_code.source(compiled)
        nodes = [] if source is None else list(ast.walk(source.node))
        paths: dict[str, dict[tuple[str, ...], None]] = defaultdict(dict)
        within = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
        for node in nodes:
            if isinstance(node, ast.Name | ast.Attribute) and id(node) not in within and (path := _path(node)):
                paths[path[0]][path[1:]] = None
        statements = tuple(node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom))
        by_name = tuple(dict.fromkeys(one for node in nodes for one in _called(node)))
        known = _read[compiled] = _Read(statements, by_name, {name: tuple(found) for name, found in paths.items()})
    return known


def _called(node: ast.AST) -> Iterator[tuple[str, str]]:
    """The modules that are imported by `import_module`, with what stands for them and the names they are given."""
    match node:
        case ast.Call(args=[ast.Constant(value=str(home)), *_]) if name := called(node):
            yield name, home
        case ast.Assign(
            targets=[ast.Name(id=name)], value=ast.Call(args=[ast.Constant(value=str(home)), *_]) as call
        ) if called(call):
            yield name, home


def _path(node: ast.expr) -> tuple[str, ...]:
    """The names on the way to what an expression looks up, `()` where it does not begin with a name."""
    match node:
        case ast.Name(id=name):
            return (name,)
        case ast.Attribute(value=base, attr=name):
            return (*found, name) if (found := _path(base)) else ()
    return (name,) if (name := called(node)) else ()


def _home(names: Names, module: str, level: int) -> str:
    """The module that is named relative to the package, so many levels up; `""` for one above all packages."""
    if not level:
        return module
    package = str(names.get("__package__") or "").split(".")
    above = package[: len(package) - level + 1]
    return ".".join(filter(None, (*above, module))) if above and all(above) else ""


def _enclosed(function: FunctionType) -> Iterator[tuple[str, ModuleType]]:
    """The modules of the project among a function's free variables."""
    for variable, module in source_code.enclosed(function):
        if issubclass(type(module), ModuleType) and ownership.own(ownership.names_in(module).get("__name__")):
            yield variable, module


def _along(module: ModuleType, path: tuple[str, ...]) -> Iterator[tuple[Names, str]]:
    """The lookups on the way along a path, up to the first that gives no module."""
    found: Any = module
    for name in path:
        if not issubclass(type(found), ModuleType):
            return
        yield ownership.names_in(found), name
        found = ownership.names_in(found).get(name, ABSENT)


def _member(value: Any, name: str) -> Any:
    """What `from value import name` gives."""
    names = ownership.names_in(value) if issubclass(type(value), ModuleType) else {}
    return names.get(name, ownership.module_named(f"{names.get('__name__')}.{name}") or ABSENT)


def _module(function: FunctionType, one: Import) -> ModuleType | None:
    """The module in which an import statement looks up what it binds. One of the project's is loaded for it."""
    module = ownership.loaded(one.loaded)
    if one.home != one.loaded:
        module = ownership.module_named(one.home)
    elif (
        one.path
        and module is not None
        and _member(module, one.path[0]) is ABSENT
        and "__path__" in ownership.names_in(module)
    ):
        ownership.loaded(f"{one.home}.{one.path[0]}")
    return seen_by(function, module)
