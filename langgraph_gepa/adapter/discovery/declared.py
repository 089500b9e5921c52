"""Declares prompts by name in the user's code, for those that cannot be found otherwise, and finds the declarations."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any, TypeGuard

from langgraph_gepa.adapter.dataflow import source_locations
from langgraph_gepa.adapter.dataflow.filling import filling, placeholders_of
from langgraph_gepa.adapter.dataflow.flow import Flow, Reading, Solution
from langgraph_gepa.adapter.discovery.node_paths import Paths
from langgraph_gepa.adapter.objects import imports, source_code
from langgraph_gepa.adapter.tracing import injection
from langgraph_gepa.core.module import Module, Style
from langgraph_gepa.core.reason import Obstacle, Reason
from langgraph_gepa.errors import UsageError

_PACKAGE = __name__.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Declared:
    """A prompt's name and text, and where `prompt` is called with them.

    `codes` are the functions that call it, if their code was read, `nodes` those it was called in, if they ran.
    `tokens` are what the program replaces in the text, `reason` says why the text cannot be replaced.
    """

    name: str
    text: str
    file: str
    line: int
    style: Style = "unknown"
    tokens: tuple[str, ...] = ()
    codes: tuple[CodeType, ...] = ()
    nodes: tuple[str, ...] = ()
    reason: Reason | None = None


_called: dict[str, Declared] = {}
"""The prompts that this process has called for, by name."""


def prompt(name: str, text: str) -> str:
    """Returns the text of the prompt `name`: `text`, or the one that replaces it in the graph that is running.

    Call it inside a node, where the prompt is used, so that every run gets its own; it is safe in threads
    and tasks. Give the template and fill it afterwards: `prompt("answer", "Answer {question}.").format(...)`.
    """
    if not (isinstance(name, str) and name and isinstance(text, str)):
        raise UsageError(f"prompt() takes a name and a text, not {name!r} and {type(text).__name__}")
    known, node = _called.get(name), injection.current_node()
    if known is None or known.text != text or node not in known.nodes:
        _remember(name, text, node, sys._getframe(1))
    injected = injection.current()
    return text if injected is None else injected.declared.get(name, text)


def _remember(name: str, text: str, node: str, frame: FrameType) -> None:
    called = Declared(name, text, frame.f_code.co_filename, frame.f_lineno, nodes=(node,))
    known = _called.get(name)
    if known is not None and (known.file, known.line) == (called.file, called.line):
        nodes = tuple(dict.fromkeys([*known.nodes, node]))
        called = replace(called, nodes=nodes, reason=known.reason if known.text == text else Reason(Obstacle.CHANGES))
    _called[name] = called


def find(flow: Flow, solution: Solution, nodes: Collection[str]) -> list[Declared]:
    """The prompts that the functions of a data flow declare, and those that were called for in `nodes` from code in
    the same files that reading did not reach."""
    found: dict[str, Declared] = {}
    for one in _in_source(flow, solution):
        twin = found.setdefault(one.name, one)
        if twin is not one:
            places = f"{twin.file}:{twin.line} and {one.file}:{one.line}"
            reason = None if twin.text == one.text else Reason(Obstacle.DECLARED_TWICE, places)
            found[one.name] = replace(twin, codes=(*twin.codes, *one.codes), reason=twin.reason or reason)
    files = {reading.function.__code__.co_filename for reading in flow.readings.values()}
    for name, one in list(_called.items()):
        known = tuple(node for node in one.nodes if node in nodes)
        if name in found:
            found[name] = replace(found[name], nodes=known)
        elif one.file in files and known:
            found[name] = replace(one, nodes=known)
    return list(found.values())


def module(prompt: Declared, paths: Paths) -> Module:
    """Makes a module of a declared prompt. The nodes that use it are those whose functions call `prompt` with its name,
    and those it was called in."""
    calling = {
        path
        for key, node in paths.walk.nodes.items()
        if isinstance(node.value, FunctionType) and node.value.__code__ in prompt.codes
        for path in paths.users.get(key, ())
    }
    placeholders, broken = placeholders_of(prompt.text, prompt.style, prompt.tokens)
    return Module(
        name=prompt.name,
        kind="prompt",
        text=prompt.text,
        style=prompt.style,
        placeholders=placeholders,
        nodes=tuple(sorted({*calling, *prompt.nodes}, key=paths.order.index)),
        file=source_locations.relative(prompt.file),
        line=prompt.line,
        reason=prompt.reason or broken,
    )


def _in_source(flow: Flow, solution: Solution) -> Iterator[Declared]:
    """The calls whose name and text are known from the source."""
    seen: set[tuple[str, source_code.Position]] = set()
    for key, reading in flow.readings.items():
        compiled = reading.function.__code__
        nodes = source_code.walk(reading.node)
        filled = {id(node.value) for node in nodes if _fills(node)}
        imported = _imported(nodes)
        for call in nodes:
            if not (isinstance(call, ast.Call) and _is_prompt(call.func, reading, imported)):
                continue
            named, written = _arguments(call)
            name, text = _string(named, reading), _string(written, reading)
            at = (compiled.co_filename, source_code.position(call))
            if name and written is not None and text is not None and at not in seen:
                seen.add(at)
                uses = solution.whole_uses(("call", key, at[1]))
                how = filling(text, uses | {"format"} if id(call) in filled else uses)
                again = {*how.again} - {"unknown"} or how.environment
                reason = how.reason or (Reason(Obstacle.FILLED_AGAIN) if again else None)
                style = "unknown" if how.style == "plain" and "prompt" not in uses else how.style
                line = min((node.lineno for node in source_code.walk(written) if _is_text(node)), default=call.lineno)
                yield Declared(name, text, compiled.co_filename, line, style, how.tokens, (compiled,), reason=reason)


def _imported(nodes: Iterable[ast.AST]) -> set[str]:
    """The names of `prompt` where a function imports it itself."""
    imports = (node for node in nodes if isinstance(node, ast.ImportFrom) and node.module == _PACKAGE)
    return {alias.asname or alias.name for node in imports for alias in node.names if alias.name == "prompt"}


def _is_prompt(function: ast.expr, reading: Reading, imported: Collection[str]) -> bool:
    match function:
        case ast.Name(id=name):
            return name in imported or _outside(reading.function, name) is prompt
        case ast.Attribute(value=ast.Name(id=name), attr="prompt"):
            module = _outside(reading.function, name)
            return isinstance(module, ModuleType) and module.__name__ == _PACKAGE
    return False


def _outside(function: FunctionType, name: str) -> Any:
    """The value of a name that is not a function's own."""
    if name in function.__code__.co_freevars:
        return dict(source_code.enclosed(function)).get(name)
    if imported := imports.values(function, name):
        return imported[0]
    return None if name in function.__code__.co_varnames else function.__globals__.get(name)


def _arguments(call: ast.Call) -> tuple[ast.expr | None, ast.expr | None]:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    positional: list[ast.expr | None] = [*call.args, None, None]
    return positional[0] or given.get("name"), positional[1] or given.get("text")


def _string(node: ast.expr | None, reading: Reading) -> str | None:
    """The string that an expression gives, if it is known without running it."""
    match node:
        case ast.Constant(value=value):
            pass
        case ast.Name(id=name):
            value = _outside(reading.function, name)
        case ast.Attribute(value=ast.Name(id=name), attr=attr):
            value = getattr(_outside(reading.function, name), attr, None)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            one, other = _string(left, reading), _string(right, reading)
            return None if one is None or other is None else one + other
        case ast.Call(func=ast.Attribute(value=inner, attr="strip"), args=[], keywords=[]):
            text = _string(inner, reading)
            return None if text is None else text.strip()
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[inner]) if name in _INDENTS:
            text = _string(inner, reading)
            return None if text is None else _INDENTS[name](text)
        case _:
            return None
    return value if isinstance(value, str) else None


def _is_text(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _fills(node: ast.AST) -> TypeGuard[ast.Attribute]:
    return isinstance(node, ast.Attribute) and node.attr in ("format", "format_map")


_INDENTS = {"dedent": textwrap.dedent, "cleandoc": inspect.cleandoc}
