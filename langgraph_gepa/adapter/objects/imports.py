"""The modules that a function imports or encloses, and how a copied function imports copies of them."""

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

_IMPORT = opmap["IMPORT_NAME"]

Names = dict[str, Any]
"""The names in a module."""


class Import(NamedTuple):
    """A name bound by an import: the object at `path` in the module `home`, after the module `loaded` is loaded."""

    name: str
    loaded: str
    home: str
    path: tuple[str, ...]


class Lookup(NamedTuple):
    """A name that a function looks up in a module.

    Its step is `import dotted.name module attribute...` for an import, or `closure variable attribute...`.
    """

    step: Step
    names: Names
    name: str

    @property
    def value(self) -> Any:
        """The object of this name; `ABSENT` if there is none."""
        return self.names.get(self.name, ABSENT)


@dataclass(frozen=True, slots=True)
class _Summary:
    """The imports in a function's code: statements, calls of `import_module` (a name and a module each), and the
    attributes looked up, by the name they begin with."""

    statements: tuple[ast.Import | ast.ImportFrom, ...]
    calls: tuple[tuple[str, str], ...]
    paths: Mapping[str, tuple[tuple[str, ...], ...]]


_summaries: weakref.WeakKeyDictionary[CodeType, _Summary] = weakref.WeakKeyDictionary()
_has_imports: weakref.WeakKeyDictionary[CodeType, bool] = weakref.WeakKeyDictionary()


def lookups(function: FunctionType) -> Collection[Lookup]:
    """The lookups of a function in modules of the project that it imports or encloses."""
    found: dict[Step, Lookup] = {}
    for one in imported_names(function):
        if (module := _module(function, one)) is not None and ownership.own(one.home):
            for attributes in _summary(function.__code__).paths.get(one.name, ()):
                for depth, (names, name) in enumerate(_along(module, (*one.path, *attributes)), 1):
                    dotted = ".".join((one.name, *attributes[: max(0, depth - len(one.path))]))
                    path = (*one.path, *attributes)[:depth]
                    step: Step = ("import", dotted, one.home, *path)
                    found[step] = Lookup(step, names, name)
    for variable, module in _enclosed(function):
        for attributes in _summary(function.__code__).paths.get(variable, ()):
            for depth, (names, name) in enumerate(_along(module, attributes), 1):
                step = ("closure", variable, *attributes[:depth])
                found[step] = Lookup(step, names, name)
    return found.values()


def values(function: FunctionType, name: str) -> list[Any]:
    """The objects that imports in a function may bind a name to, if they are loaded."""
    found = []
    for one in imported_names(function):
        if one.name == name and (value := _module(function, one)) is not None:
            for attribute in one.path:
                value = _member(value, attribute)
            found.append(value)
    return [value for value in found if value is not ABSENT]


def import_call(node: ast.AST) -> str:
    """The name for `import_module("module")` in steps and lookups; `""` for any other expression."""
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


def imported_names(function: FunctionType) -> Iterator[Import]:
    """The names that a function imports."""
    if not _imports_anything(function.__code__):
        return
    for name, home in _summary(function.__code__).calls:
        level = len(home) - len(home.lstrip("."))
        if home := _home(function.__globals__, home[level:], level):
            yield Import(name, home, home, ())
    for statement in _summary(function.__code__).statements:
        match statement:
            case ast.Import(names=aliases):
                for alias in aliases:
                    top, *path = alias.name.split(".")
                    yield Import(alias.asname or top, alias.name, top, tuple(path) if alias.asname else ())
            case ast.ImportFrom(names=aliases):
                home = _home(function.__globals__, statement.module or "", statement.level)
                yield from (Import(a.asname or a.name, home, home, (a.name,)) for a in aliases if home)


def module_names(function: FunctionType, step: Step) -> Names:
    """The names in the module at which a step `import` or `closure` begins."""
    if step[0] == "import":
        module = as_seen_by(function, ownership.module_named(step[2]))
    else:
        module = dict(_enclosed(function)).get(str(step[1]))
    return {} if module is None else ownership.names_in(module)


def as_seen_by(function: FunctionType, module: ModuleType | None) -> ModuleType | None:
    """The module that an import in the function gives: a copied function gets copies of modules."""
    held = function.__globals__.get("__builtins__")
    return held.importer.copy_of(module) if module is not None and isinstance(held, Builtins) else module


def _imports_anything(compiled: CodeType) -> bool:
    """Whether a function's code, inner functions included, imports anything."""
    if (known := _has_imports.get(compiled)) is None:
        inner = (const for const in compiled.co_consts if isinstance(const, CodeType))
        here = _IMPORT in compiled.co_code[::2] or "import_module" in compiled.co_names
        known = _has_imports[compiled] = here or any(map(_imports_anything, inner))
    return known


def _summary(compiled: CodeType) -> _Summary:
    """The imports and lookups in a function's code."""
    if (known := _summaries.get(compiled)) is None:
        source = source_code.source(compiled)
        nodes = [] if source is None else list(ast.walk(source.node))
        paths: dict[str, dict[tuple[str, ...], None]] = defaultdict(dict)
        within = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
        for node in nodes:
            if isinstance(node, ast.Name | ast.Attribute) and id(node) not in within and (path := _path(node)):
                paths[path[0]][path[1:]] = None
        statements = tuple(node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom))
        by_name = tuple(dict.fromkeys(one for node in nodes for one in _import_calls(node)))
        known = _summaries[compiled] = _Summary(
            statements, by_name, {name: tuple(found) for name, found in paths.items()}
        )
    return known


def _import_calls(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Pairs a name with the module it imports: the import function, or the variable that its result is stored in."""
    match node:
        case ast.Call(args=[ast.Constant(value=str(home)), *_]) if name := import_call(node):
            yield name, home
        case ast.Assign(
            targets=[ast.Name(id=name)], value=ast.Call(args=[ast.Constant(value=str(home)), *_]) as call
        ) if import_call(call):
            yield name, home


def _path(node: ast.expr) -> tuple[str, ...]:
    """The dotted name of an expression as a path; `()` if it does not begin with a name."""
    match node:
        case ast.Name(id=name):
            return (name,)
        case ast.Attribute(value=base, attr=name):
            return (*found, name) if (found := _path(base)) else ()
    return (name,) if (name := import_call(node)) else ()


def _home(names: Names, module: str, level: int) -> str:
    """The absolute name of a relative import; `""` if it leaves the top-level package."""
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
    """The lookups along a path, up to the first that gives no module."""
    found: Any = module
    for name in path:
        if not issubclass(type(found), ModuleType):
            return
        yield ownership.names_in(found), name
        found = ownership.names_in(found).get(name, ABSENT)


def _member(value: Any, name: str) -> Any:
    """The object that `from value import name` gives."""
    names = ownership.names_in(value) if issubclass(type(value), ModuleType) else {}
    return names.get(name, ownership.module_named(f"{names.get('__name__')}.{name}") or ABSENT)


def _module(function: FunctionType, one: Import) -> ModuleType | None:
    """The module in which an import looks up the object that it binds. A module of the project is loaded."""
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
    return as_seen_by(function, module)


Copied = Mapping[int, tuple[Names, ModuleType]]
"""The names in a module and the copy of the module, by the id of these names."""


class Importer:
    """The `__import__` of copied functions, which gives copies of modules instead of the modules."""

    def __init__(self, before: Any, modules: Copied) -> None:
        self.modules = modules
        self._before = before

    def __call__(
        self, name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> ModuleType:
        found = self._before(name, globals, locals, fromlist, level)
        return self._copy(found) if issubclass(type(found), ModuleType) else found

    def by_name(self, import_module: Any) -> Any:
        """The `import_module` of copied functions, given the original."""
        return lambda name, package=None: self._copy(import_module(name, package))

    def copy_of(self, module: ModuleType) -> ModuleType:
        """The copy of a module, or of its copy in the graph that was copied; the module itself if there is none."""
        if isinstance(self._before, Importer):
            module = self._before.copy_of(module)
        return self._copy(module)

    def _copy(self, module: ModuleType) -> ModuleType:
        _, copy = self.modules.get(id(ownership.names_in(module)), (None, module))
        return copy


class Builtins(dict[str, Any]):
    """The builtins of copied functions: `__import__` is their own, all others follow the original builtins."""

    def __init__(self, own: Names, modules: Copied) -> None:
        self.own: Names = own.own if isinstance(own, Builtins) else own
        self.importer = Importer(own["__import__"], modules)
        super().__init__(own, __import__=self.importer)

    def __getitem__(self, name: str) -> Any:
        return self.importer if name == "__import__" else self.own[name]
