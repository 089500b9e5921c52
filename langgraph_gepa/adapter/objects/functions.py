"""Handlers of functions with their closures and globals, methods, partials and wrappers such as `property`."""

from __future__ import annotations

import dis
import functools
import weakref
from collections.abc import Container, Iterator, Mapping
from itertools import chain
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from typing_extensions import override

from langgraph_gepa.adapter.objects import code_rewriting, imports, ownership, source_code, text_literals
from langgraph_gepa.adapter.objects.handler import ABSENT, Copies, Handler, Step

LOOKUPS = frozenset({"global", "import", "closure"})
"""Steps from a function to a name in a module: its own, an imported one, one in its closure."""

_LruCache = type(functools.cache(lambda: None))
_texts: weakref.WeakKeyDictionary[CodeType, dict[Any, text_literals.Literal]] = weakref.WeakKeyDictionary()
_globals_of: weakref.WeakKeyDictionary[CodeType, tuple[tuple[str, ...], ...]] = weakref.WeakKeyDictionary()


def own(function: FunctionType) -> bool:
    """Whether a function's body is the user's."""
    return ownership.own_code(function.__code__, function.__module__)


def parameter_of(function: FunctionType, index: int) -> str:
    """The parameter of the default at this index; `""` if a decorator has set too many `__defaults__`."""
    code = function.__code__
    at = code.co_argcount - len(function.__defaults__ or ()) + index
    return code.co_varnames[at] if 0 <= at < code.co_argcount else ""


def own_attribute(value: Any, name: str) -> Any:
    """An attribute of an object itself, or `None`; `getattr` on LangChain's wrappers asks what they wrap."""
    try:
        return object.__getattribute__(value, "__dict__").get(name)
    except AttributeError:
        return None


def is_cache(value: Any) -> bool:
    """Whether an object is a function wrapped by `functools.cache` or `lru_cache`."""
    return type(value) is _LruCache


def is_wrapper(value: Any) -> bool:
    """Whether an object wraps a function, as the members of a class do."""
    return type(value) in (staticmethod, classmethod, property, functools.cached_property, _LruCache)


def global_names(compiled: CodeType) -> tuple[tuple[str, ...], ...]:
    """The dotted global names in a function's code, inner functions included: `("prompts", "WRITER")`."""
    if compiled not in _globals_of:
        _globals_of[compiled] = tuple(dict.fromkeys(_global_names(compiled)))
    return _globals_of[compiled]


def mentioned_names(compiled: CodeType) -> tuple[str, ...]:
    """The global names and attributes in a function's code, inner functions included, in the order of the code."""
    inner = (mentioned_names(const) for const in compiled.co_consts if isinstance(const, CodeType))
    return tuple(dict.fromkeys([*compiled.co_names, *chain.from_iterable(inner)]))


def _global_names(compiled: CodeType) -> Iterator[tuple[str, ...]]:
    name: tuple[str, ...] = ()
    for instruction in dis.get_instructions(compiled):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            if name:
                yield name
            name = (str(instruction.argval),)
        elif name and instruction.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            name = (*name, str(instruction.argval))
        elif name and instruction.opname != "CACHE":
            yield name
            name = ()
    for const in compiled.co_consts:
        if isinstance(const, CodeType):
            yield from _global_names(const)


class Function(Handler):
    """Steps: `cell name`, `global name attribute...`, `default index`, `kwdefault name`, `dict key`, and those of
    `imports`. The texts at `code position` and `doc` belong to the function itself."""

    @override
    def handles(self, value: Any) -> bool:
        return type(value) is FunctionType

    @override
    def parts(self, value: FunctionType) -> Iterator[tuple[Step, Any]]:
        for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True):
            yield ("cell", name), cell
        yield from ((("default", i), default) for i, default in enumerate(value.__defaults__ or ()))
        yield from ((("kwdefault", name), default) for name, default in (value.__kwdefaults__ or {}).items())
        yield from ((("dict", key), held) for key, held in vars(value).items())
        if own(value):
            yield from _globals(value)
            for found in imports.lookups(value):
                if found.value is not ABSENT and not issubclass(type(found.value), ModuleType):
                    yield found.step, found.value

    @override
    def shell(self, value: FunctionType, steps: Mapping[Step, str | None], copies: Copies) -> FunctionType:
        rewritten = {step[1]: text for step, text in steps.items() if step[0] == "code" and text is not None}
        names = value.__globals__
        kinds = {step[0] for step in steps}
        if copies.is_assigned(names) or not kinds.isdisjoint(("global", "import")):
            names = vars(copies.module(names))
        if "import" in kinds:
            copies.imports_copies(names)
        closure = tuple(_cells(value, {str(step[1]) for step in steps if step[0] == "closure"}, copies))
        made = _rewritten(value.__code__, rewritten) if rewritten else value.__code__
        copy = FunctionType(made, names, value.__name__, value.__defaults__, closure)
        copy.__kwdefaults__ = dict(value.__kwdefaults__) if value.__kwdefaults__ else value.__kwdefaults__
        copy.__annotations__ = value.__annotations__
        copy.__qualname__, copy.__module__ = value.__qualname__, value.__module__
        copy.__doc__ = steps.get(("doc",)) or value.__doc__
        vars(copy).update(vars(value))
        return copy

    @override
    def fill(self, value: FunctionType, copy: FunctionType, changes: Mapping[Step, Any], copies: Copies) -> None:
        defaults = list(value.__defaults__ or ())
        for step, part in changes.items():
            match step:
                case ("global", *path):
                    _put(copies, value.__globals__, [str(name) for name in path], part)
                case ("import", _, _, *path) | ("closure", _, *path):
                    _put(copies, imports.module_names(value, step), [str(name) for name in path], part)
                case ("default", int(index)):
                    defaults[index] = part
                case ("kwdefault", name):
                    copy.__kwdefaults__ = {**(copy.__kwdefaults__ or {}), str(name): part}
                case ("dict", key) if part is ABSENT:
                    vars(copy).pop(str(key), None)
                case ("dict", key):
                    vars(copy)[str(key)] = part
        copy.__defaults__ = tuple(defaults) or None


def _globals(function: FunctionType) -> Iterator[tuple[Step, Any]]:
    for path in global_names(function.__code__):
        if path[0] not in function.__globals__:
            continue
        value = function.__globals__[path[0]]
        taken = [path[0]]
        for attribute in path[1:]:
            if not issubclass(type(value), ModuleType) or attribute not in ownership.names_in(value):
                break
            value = ownership.names_in(value)[attribute]
            taken.append(attribute)
        if not issubclass(type(value), ModuleType):
            yield ("global", *taken), value


def _cells(function: FunctionType, modules: Container[str], copies: Copies) -> Iterator[CellType]:
    """The closure of a function's copy, with copies of modules in the variables `modules`."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        copied = copies.module(ownership.names_in(cell.cell_contents)) if name in modules else None
        yield copies.cell(cell) if copied is None else CellType(copied)


def namespace(function: FunctionType, step: Step) -> dict[str, Any]:
    """The module names in which a step looks up its last name."""
    names, path = function.__globals__, step[1:]
    if step[0] in ("import", "closure"):
        names, path = imports.module_names(function, step), step[3:] if step[0] == "import" else step[2:]
    for name in path[:-1]:
        names = ownership.names_in(names[str(name)])
    return names


def _put(copies: Copies, names: dict[str, Any], path: list[str], part: Any) -> None:
    """Sets a global name to a part, in copies of the modules on the way."""
    copied = vars(copies.module(names))
    if len(path) == 1 and part is ABSENT:
        copied.pop(path[0], None)
    elif len(path) == 1:
        copied[path[0]] = part
    else:
        inner = ownership.names_in(names[path[0]])
        copied[path[0]] = copies.module(inner)
        _put(copies, inner, path[1:], part)


def _rewritten(old: CodeType, texts: Mapping[Any, str]) -> CodeType:
    if old not in _texts:
        origin = source_code.source(old)
        _texts[old] = text_literals.within(origin.node) if origin else {}
    return code_rewriting.rewritten(old, {where: _texts[old][where].replaced(text) for where, text in texts.items()})


class Cell(Handler):
    """A variable of a closure, whose copy is shared by the copies of all its functions. Step: `content`."""

    @override
    def handles(self, value: Any) -> bool:
        return type(value) is CellType

    @override
    def parts(self, value: CellType) -> Iterator[tuple[Step, Any]]:
        try:
            yield ("content",), value.cell_contents
        except ValueError:  # not yet assigned
            return

    @override
    def shell(self, value: CellType, steps: Mapping[Step, str | None], copies: Copies) -> CellType:
        return CellType()

    @override
    def fill(self, value: CellType, copy: CellType, changes: Mapping[Step, Any], copies: Copies) -> None:
        if (content := changes.get(("content",), next((held for _, held in self.parts(value)), ABSENT))) is not ABSENT:
            copy.cell_contents = content


class Method(Handler):
    """A bound method. Steps: `self`, `func`."""

    whole = True

    @override
    def handles(self, value: Any) -> bool:
        return type(value) is MethodType

    @override
    def parts(self, value: MethodType) -> Iterator[tuple[Step, Any]]:
        yield ("self",), value.__self__
        yield ("func",), value.__func__

    @override
    def make(self, value: MethodType, changes: Mapping[Step, Any]) -> MethodType:
        return MethodType(changes.get(("func",), value.__func__), changes.get(("self",), value.__self__))


class Partial(Handler):
    """Steps: `func`, `arg index`, `keyword name`, and `dict __wrapped__`, as set by `functools.wraps`."""

    whole = True

    @override
    def handles(self, value: Any) -> bool:
        return type(value) is functools.partial

    @override
    def parts(self, value: functools.partial[Any]) -> Iterator[tuple[Step, Any]]:
        yield ("func",), value.func
        yield from ((("arg", i), held) for i, held in enumerate(value.args))
        yield from ((("keyword", name), held) for name, held in value.keywords.items())
        if "__wrapped__" in vars(value):
            yield ("dict", "__wrapped__"), vars(value)["__wrapped__"]

    @override
    def make(self, value: functools.partial[Any], changes: Mapping[Step, Any]) -> functools.partial[Any]:
        made = functools.partial(
            changes.get(("func",), value.func),
            *(changes.get(("arg", i), held) for i, held in enumerate(value.args)),
            **{name: changes.get(("keyword", name), held) for name, held in value.keywords.items()},
        )
        vars(made).update({key: changes.get(("dict", key), held) for key, held in vars(value).items()})
        return made


class Wrapper(Handler):
    """A `staticmethod`, `classmethod`, `property` or cached function. Step: `attr name`."""

    whole = True

    @override
    def handles(self, value: Any) -> bool:
        return is_wrapper(value)

    @override
    def parts(self, value: Any) -> Iterator[tuple[Step, Any]]:
        for name in ("__wrapped__",) if is_cache(value) else ("__func__", "fget", "func"):
            if getattr(value, name, None) is not None:
                yield ("attr", name), getattr(value, name)

    @override
    def make(self, value: Any, changes: Mapping[Step, Any]) -> Any:
        if is_cache(value):  # also without a change, as a copy starts with an empty cache
            return functools.lru_cache(**value.cache_parameters())(*(changes.values() or [value.__wrapped__]))
        function = next(iter(changes.values()))
        if type(value) is property:
            return property(function, value.fset, value.fdel, value.__doc__)
        made = type(value)(function)
        if isinstance(value, functools.cached_property):
            made.attrname = value.attrname
        return made


HANDLERS: tuple[Handler, ...] = (Function(), Cell(), Method(), Partial(), Wrapper())
