"""Finds where constants, classes, fields, arguments and docstrings are written in source files."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import partial
from types import FunctionType, MethodType, ModuleType
from typing import Any

from langchain_core.tools import BaseTool

from langgraph_gepa.adapter.objects import ownership, source_code
from langgraph_gepa.adapter.objects.ownership import file_of, module_named, names_in


@dataclass(frozen=True, slots=True)
class SourceLocation:
    """Where a text is written. `key` identifies it; `name` is the constant's or field's own name, if it has one.

    `hub` is the commit of a prompt that was pulled from LangSmith's hub.
    """

    key: Hashable
    file: str | None = None
    line: int | None = None
    name: str = ""
    hub: str = ""

    @classmethod
    def of_literal(cls, file: str, line: int, column: int) -> SourceLocation:
        """The location of a literal."""
        return cls(("literal", file, line, column), file, line)


def literals_of(filename: str, within: ast.expr | None, text: str) -> Iterator[tuple[str, int, int]]:
    """File, line and column of each literal that is a text, in one expression of a file or in all of it."""
    parsed = source_code.file(filename)
    for node in parsed.literals.get(text, ()) if parsed is not None else ():
        if within is None or _holds(within, node):
            yield filename, node.lineno, node.col_offset


def _holds(outer: ast.expr, inner: ast.expr) -> bool:
    first, last = source_code.position(outer), source_code.position(inner)
    return first[:2] <= last[:2] and last[2:] <= first[2:]


def matches(literal: str, text: str) -> bool:
    """Whether a literal is a text as written, stripped, or without indentation."""
    return literal == text or (len(literal) >= len(text) and text in (literal.strip(), inspect.cleandoc(literal)))


def global_location(names: dict[str, Any], name: str, value: str) -> SourceLocation | None:
    """Where a global name is assigned, followed through imports; `None` if that is not known and `value` is empty."""
    module, name, written = _assigning(names, name)
    if module is not None and written is not None:
        return _written_at(written, file_of(module), ("global", _name_of(module), name), name)
    if module is not None:
        return SourceLocation(("global", _name_of(module), name), None, None, name)
    return SourceLocation(("names", id(names), name), None, None, name) if value else None


def assigned_value(names: dict[str, Any], name: str) -> tuple[str, ast.expr] | None:
    """The file and the expression that a global name is assigned in; `None` if it is not known."""
    module, _, written = _assigning(names, name)
    return (file_of(module), written) if module is not None and written is not None else None


def _assigning(names: dict[str, Any], name: str) -> tuple[ModuleType | None, str, ast.expr | None]:
    """The module that assigns a global name, the name there, and the assigned expression."""
    module, met = module_named(names.get("__name__")), set()
    while module is not None and (_name_of(module), name) not in met:
        met.add((_name_of(module), name))
        parsed = source_code.file(file_of(module))
        if parsed is None:
            break
        for statement in parsed.tree.body:
            if (written := assigned(statement, name)) is not None:
                return module, name, written
        found = _imported(parsed.tree, module, name)
        if found is None:
            break
        module, name = found
    return module, name, None


def _name_of(module: ModuleType) -> str:
    return str(names_in(module).get("__name__"))


def _written_at(value: ast.expr, file: str, otherwise: Hashable, name: str) -> SourceLocation:
    """The location of an assigned value: the literal it is, or the name it is assigned to."""
    literal = isinstance(value, ast.Constant)
    return SourceLocation(
        ("literal", file, value.lineno, value.col_offset) if literal else otherwise, file, value.lineno, name
    )


def assigned(statement: ast.stmt, name: str) -> ast.expr | None:
    """The expression that a statement assigns to `name`, also inside `if`, `try` and `with`."""
    match statement:
        case ast.Assign(targets=targets, value=value):
            if any(isinstance(t, ast.Name) and t.id == name for target in targets for t in source_code.walk(target)):
                return value
        case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value) if target == name:
            return value
        case ast.If() | ast.Try() | ast.With():
            for inner in source_code.walk(statement):
                if isinstance(inner, ast.Assign | ast.AnnAssign) and (found := assigned(inner, name)) is not None:
                    return found
    return None


def _imported(tree: ast.Module, module: ModuleType, name: str) -> tuple[ModuleType, str] | None:
    """The module that a name is imported from, and its name there."""
    for node in source_code.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name or alias.name == "*":
                    package = str(names_in(module).get("__package__") or "").split(".")
                    base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
                    source = module_named(".".join(filter(None, (base, node.module))))
                    if source is not None and (alias.name != "*" or name in names_in(source)):
                        return source, name if alias.name == "*" else alias.name
    return None


def default_of(function: FunctionType, which: object) -> ast.expr | None:
    """The default that a function's signature writes for a parameter, by its name or by its position among defaults."""
    found = source_code.source(function.__code__)
    if found is None:
        return None
    given = found.node.args
    named = {argument.arg: default for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)}
    return given.defaults[which] if isinstance(which, int) and which < len(given.defaults) else named.get(str(which))


def default_location(function: FunctionType, which: object, text: str) -> SourceLocation | None:
    """Where the default of a parameter is written in a function's signature."""
    default = default_of(function, which)
    file = function.__code__.co_filename
    same = literals_of(file, default, text) if default is not None else iter(())
    return next((SourceLocation.of_literal(*one) for one in same), None)


def is_default(owner: Any, name: str, text: str) -> bool:
    """Whether an attribute of an object has the default that its class, one of the user's, gives it."""
    cls = type(owner)
    fields = getattr(cls, "__pydantic_fields__", {})
    given = fields[name].default if name in fields else getattr(cls, name, None)
    return ownership.own(cls.__module__) and type(given) is str and given == text


def field_location(cls: type, name: str, text: str) -> SourceLocation | None:
    """Where the default of a field or class attribute is written."""
    for base in cls.__mro__:
        module = module_named(base.__module__)
        for file, node in _definitions(base):
            for statement in node.body:
                written = assigned(statement, name)
                if written is None:
                    continue
                value = _default(written)
                if module is not None and (named := _names_of(value, names_in(module))) is not None:
                    return global_location(*named, text) or SourceLocation(("field", cls, name))
                return _written_at(value, file, ("field", base.__module__, base.__qualname__, name), name)
    return None


def _names_of(node: ast.expr, names: dict[str, Any]) -> tuple[dict[str, Any], str] | None:
    """The module names in which `PROMPT` or `prompts.PROMPT` looks up its last name, and that name."""
    match node:
        case ast.Name(id=name) if name in names:
            return names, name
        case ast.Attribute(value=base, attr=attr) if (found := _names_of(base, names)) is not None:
            module = found[0][found[1]]
            inside = names_in(module) if issubclass(type(module), ModuleType) else {}
            return (inside, attr) if attr in inside else None
    return None


def _definitions(cls: type) -> Iterator[tuple[str, ast.ClassDef]]:
    """The definitions of a class: its file, and each class statement of its name."""
    file = file_of(module_named(cls.__module__))
    parsed = source_code.file(file)
    if parsed is not None:
        yield from ((file, node) for node in parsed.classes.get(cls.__name__, ()))


def initial_values(cls: type, name: str) -> Iterator[tuple[ast.expr, dict[str, Any]]]:
    """The expressions that a class assigns to an attribute, in its body or constructor, with their global names."""
    for base in cls.__mro__:
        module = ownership.module_named(base.__module__)
        names = {} if module is None else ownership.names_in(module)
        for _, node in _definitions(base):
            for statement in node.body:
                if (written := assigned(statement, name)) is not None:
                    yield _default(written), names
            for inner in source_code.walk(node):
                match inner:
                    case (
                        ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=held)], value=value)
                        | ast.AnnAssign(target=ast.Attribute(value=ast.Name(id="self"), attr=held), value=value)
                    ) if held == name and value is not None and _in_constructor(node, inner):
                        yield value, names


def _in_constructor(cls: ast.ClassDef, statement: ast.AST) -> bool:
    """Whether a statement is part of a class's constructor."""
    makers = (one for one in cls.body if isinstance(one, ast.FunctionDef) and one.name in ("__init__", "__post_init__"))
    return any(statement in source_code.walk(maker) for maker in makers)


def declarations(cls: type, name: str) -> Iterator[tuple[str, ast.AST]]:
    """The statements that declare a field in a class or its bases, with their files."""
    for base in cls.__mro__:
        for file, node in _definitions(base):
            for statement in node.body:
                match statement:
                    case ast.AnnAssign(target=ast.Name(id=declared)) if declared == name:
                        yield file, statement


def class_docstring_location(cls: type) -> SourceLocation:
    """Where a class's docstring is written."""
    for file, node in _definitions(cls):
        match node.body[0]:
            case ast.Expr(value=ast.Constant(value=str(text))) if text == cls.__doc__ or matches(
                text, cls.__doc__ or ""
            ):
                return SourceLocation(("doc", file, node.body[0].lineno), file, node.body[0].lineno)
    return SourceLocation(("doc", cls))


def _default(value: ast.expr) -> ast.expr:
    """The default inside `field(default="...")` or `Field("...")`."""
    if isinstance(value, ast.Call):
        given = [k.value for k in value.keywords if k.arg == "default"] + value.args[:1]
        return given[0] if given else value
    return value


def described_function(tool: BaseTool, description: str) -> FunctionType | None:
    """The function that a tool was made from, if the tool's description is its docstring."""
    function = tool_function(tool)
    if function is None or not function.__doc__:
        return None
    return function if " ".join(function.__doc__.split()).startswith(" ".join(description.split())) else None


def tool_function(tool: Any) -> FunctionType | None:
    """The function that a tool runs."""
    function = getattr(tool, "func", None) or getattr(tool, "coroutine", None)
    while isinstance(function, partial | MethodType):
        function = function.func if isinstance(function, partial) else function.__func__
    return function if isinstance(function, FunctionType) else None


def docstring_location(function: FunctionType) -> SourceLocation:
    """Where a function's docstring is written, followed through decorators; in no file if it was computed."""
    function = undecorated(function)
    found = source_code.source(function.__code__)
    line = function.__code__.co_firstlineno
    if found is not None and isinstance(found.node, ast.FunctionDef | ast.AsyncFunctionDef):
        written = ast.get_docstring(found.node, clean=False)
        if written is None or inspect.cleandoc(written) != inspect.cleandoc(function.__doc__ or ""):
            return SourceLocation(("doc", id(function)))
        line = found.node.body[0].lineno
    return SourceLocation(
        ("doc", function.__code__.co_filename, line, id(function)), function.__code__.co_filename, line
    )


def undecorated(function: FunctionType) -> FunctionType:
    """The innermost function wrapped by `functools.wraps` that has the same docstring."""
    while isinstance(inner := vars(function).get("__wrapped__"), FunctionType) and inner.__doc__ == function.__doc__:
        function = inner
    return function


def argument_at(docstring: str, name: str, text: str) -> int | None:
    """The offset of `text` in a docstring, as the description of an argument on one line or several."""
    words = r"\s+".join(map(re.escape, text.split()))
    found = re.search(rf"^.*\b{re.escape(name)}\b.*?({words})", docstring, re.MULTILINE)
    return None if found is None else found.start(1)
