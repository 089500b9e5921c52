"""Texts that the graph's functions read from files of the project whenever they run, told from the source."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from types import FunctionType
from typing import Any

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.dataflow import roles, source_locations, wording
from langgraph_gepa.adapter.dataflow.filling import filling, placeholders_of
from langgraph_gepa.adapter.dataflow.flow import ANY, Flow, PartUse, Reading, Solution
from langgraph_gepa.adapter.dataflow.syntax_nodes import last, parameters
from langgraph_gepa.adapter.dataflow.text_files import Files, Text
from langgraph_gepa.adapter.dataflow.uses import PROMPT_NAME, REACHING, Use
from langgraph_gepa.adapter.discovery.file_choice import outside, reachable
from langgraph_gepa.adapter.objects import naming, source_code
from langgraph_gepa.core import matching
from langgraph_gepa.core.module import Module, Off, Style
from langgraph_gepa.core.reason import Note, Obstacle, ReadFrom, Reason

_READS = {"read_text", "read", "open", "safe_load", "full_load", "load", "loads", "get_template", "from_file"}
_GIVEN: frozenset[Use] = REACHING | {"value", "table"}
"""Uses of what is read: the code does not say what a file holds, so that none of it is more than a value to it."""
_STEERED: Mapping[Use, Use] = {"value": "inserted", "spare": "near"}
"""How a value of a file is used that code takes for data, since it cannot know what a file holds."""
_PICKED: Mapping[Use, Use] = {use: "option" if use in ("prompt", "reported", "option") else "table" for use in _GIVEN}
"""How values of one shape are used that one expression reads."""
_LONGEST = 300
_DEEP = 4
"""Functions that the name of a file is followed through."""
_HOLE = re.compile(r"%s|%\(\w+\)s|\{\w*\}")
"""Where a path that is filled in takes a name."""

Calls = Mapping[str, Sequence[tuple[Reading, ast.Call]]]
"""The calls of functions with a name, and where they stand."""
Named = tuple[FunctionType, str, bool]
"""A name that a function says, and whether it may be that of a file without its ending."""


def find(flow: Flow, solution: Solution, files: Files, users: Mapping[int, Sequence[str]]) -> list[Module]:
    """A module for each text of a file that a function names, or is called with the name of, and whose content it
    gives to a model. `users` are the nodes that reach a function, by its identity."""
    found: dict[Text, Module] = {}
    uses: dict[Text, set[Use]] = defaultdict(set)
    calls = _calls(flow)
    for reading in flow.readings.values():
        part_uses = _part_uses(reading, solution)
        if not part_uses:
            continue
        for user, name, short in (*_named(reading), *_given(reading.function.__name__, calls)):
            read = _texts(name, short, files, part_uses)
            for text in reachable(list(read), [reading.function, user]):
                nodes = users.get(id(user), ())
                module = found.get(text) or _module(text, part_uses, _rewriting(reading))
                found[text] = replace(module, nodes=tuple(dict.fromkeys([*module.nodes, *nodes])))
                uses[text] |= read[text]
    few = Counter(text.shape for text in found if "table" in uses[text])
    return [_judged(module, text, frozenset(uses[text]), few[text.shape]) for text, module in found.items()]


def _part_uses(reading: Reading, solution: Solution) -> frozenset[PartUse]:
    """What a function gives to a model of that which it reads."""
    key = id(reading.function.__code__)
    found: set[PartUse] = set()
    for node in source_code.walk(reading.node):
        if isinstance(node, ast.Call) and last(node.func) in _READS:
            found |= solution.part_uses(("call", key, source_code.position(node)))
    return frozenset(found) if any(use in _GIVEN for _, use in found) else frozenset()


def _named(reading: Reading) -> Iterator[Named]:
    """The names that may be a file's in a function: its strings, and the strings and paths it names."""
    function = reading.function
    for node in source_code.walk(reading.node):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield function, node.value, False
    yield from ((function, value, False) for value in outside(function))


def _calls(flow: Flow) -> Calls:
    found: dict[str, list[tuple[Reading, ast.Call]]] = defaultdict(list)
    for reading in flow.readings.values():
        for node in source_code.walk(reading.node):
            if isinstance(node, ast.Call):
                found[last(node.func)].append((reading, node))
    return found


def _given(called: str, calls: Calls, met: frozenset[str] = frozenset()) -> Iterator[Named]:
    """The strings that a function is called with, and which function says them: also where one is passed on, by itself
    or within the path of a file."""
    met |= {called}
    for reading, call in calls.get(called, ()):
        function = reading.function
        for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield function, argument.value, True
                continue
            written = _assigned(argument, reading)
            used = {node.id for node in ast.walk(written) if isinstance(node, ast.Name)}
            passed = used.intersection(parameters(function.__code__)) - {"self", "cls"}
            if not passed and (path := _path(written, _outside(used, function))):
                yield function, path, True
            if passed and function.__name__ not in met and len(met) < _DEEP:
                for user, name, _ in _given(function.__name__, calls, met):
                    path = _path(written, dict.fromkeys(passed, name))
                    yield user, path if len(passed) == 1 and name in path else name, True


def _outside(names: Iterable[str], function: FunctionType) -> dict[str, str]:
    """The strings and paths of the module that these names stand for."""
    held = {name: function.__globals__.get(name) for name in names}
    return {name: str(value) for name, value in held.items() if isinstance(value, str | PurePath)}


def _assigned(argument: ast.expr, reading: Reading) -> ast.expr:
    """What is assigned to a variable that is passed on; else the argument itself."""
    assigned = (node for node in source_code.walk(reading.node) if isinstance(node, ast.Assign))
    wanted = ast.dump(ast.Name(argument.id, ast.Store())) if isinstance(argument, ast.Name) else ""
    return next((node.value for node in assigned if wanted in map(ast.dump, node.targets)), argument)


def _path(node: ast.expr, values: Mapping[str, str]) -> str:
    """The path that an expression makes of these variables; what else is not written out is left out."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            return values.get(name, "")
        case ast.JoinedStr(values=parts):
            return "".join(_path(part, values) for part in parts)
        case ast.FormattedValue(value=one) | ast.Call(func=ast.Attribute(value=one), args=[]):
            return _path(one, values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _path(left, values) + _path(right, values)
        case ast.BinOp(left=left, op=ast.Mod(), right=one):
            return _HOLE.sub(lambda _: _path(one, values), _path(left, values))
        case ast.Call(func=ast.Attribute(value=left, attr="format"), args=several, keywords=named):
            filled = "".join(_path(one, values) for one in (*several, *(keyword.value for keyword in named)))
            return _HOLE.sub(lambda _: filled, _path(left, values))
        case ast.Call(func=ast.Attribute(value=left, attr="with_suffix"), args=[ending]):
            return _path(left, values) + _path(ending, values)
        case ast.Call(func=ast.Attribute(value=left, attr="joinpath"), args=parts):
            return "/".join(filter(None, (_path(part, values) for part in (left, *parts))))
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return "/".join(filter(None, (_path(left, values), _path(right, values))))
        case ast.Call(args=parts):
            return "/".join(filter(None, (_path(part, values) for part in parts)))
    return ""


def _texts(name: str, short: bool, files: Files, part_uses: frozenset[PartUse]) -> dict[Text, frozenset[Use]]:
    """The texts of the files with this name, `short` without its ending, those under the keys that are used, each
    with its uses."""
    wanted = PurePath(name)
    if not wanted.name or not (wanted.suffix or short) or len(name) > _LONGEST or "\n" in name:
        return {}
    found: dict[Text, frozenset[Use]] = {}
    values: dict[str, list[Text]] = defaultdict(list)
    for text in files.texts:
        path = Path(text.file)
        same = path.name == wanted.name if wanted.suffix else path.stem == wanted.name
        within = wanted.is_absolute() or path.parts[-len(wanted.parts) :][:-1] == wanted.parts[:-1]
        if not (same and within):
            continue
        if not text.keys:
            found[text] = frozenset({"prompt"})
        elif not templates.is_name(text.text):
            values[text.file].append(text)
    for several in values.values():
        found |= _used(several, part_uses)
    return found


def _used(texts: Sequence[Text], part_uses: frozenset[PartUse]) -> dict[Text, frozenset[Use]]:
    """The values of a file that are used, and how. Of those of one shape that one expression reads, a run picks some.

    Where none stands under the keys themselves, the code takes the file apart in a way that is not followed: then the
    last key tells.
    """
    found: dict[Text, set[Use]] = defaultdict(set)
    for path, use in part_uses:
        keys = [str(key) for key in path if key is not ANY]
        if use in _GIVEN and keys:
            read = [one for one in texts if _under(path, one.keys)] or [one for one in texts if keys[-1] in one.keys]
            shapes = Counter(one.shape for one in read)
            for one in read:
                found[one].add((_PICKED if shapes[one.shape] > 1 else _STEERED).get(use, use))
    return {text: frozenset(uses) for text, uses in found.items()}


def _under(path: Sequence[Hashable], keys: Sequence[str]) -> bool:
    """Whether a path leads from the top of a file to a value, or to what holds it."""
    return len(path) <= len(keys) and all(
        asked is ANY or str(asked) == key for asked, key in zip(path, keys, strict=False)
    )


def _judged(module: Module, text: Text, uses: frozenset[Use], few: int) -> Module:
    """The module with why it is off, where it is one of the values of a file that is no instruction."""
    if not text.keys:
        return module
    called = PROMPT_NAME.search(text.keys[-1]) is not None
    said = roles.Text(text.text, module.style, module.placeholders, few=few <= roles.FEW, called=called)
    if called and wording.instructs(text.text, module.style, module.placeholders):
        return module
    off = roles.off(said, uses)
    table = naming.slug(text.stem) if off is Off.TABLE else ""
    return module if off is None else replace(module, evidence="possible", off=off, table=table)


def _rewriting(reading: Reading) -> Iterator[re.Pattern[str]]:
    """The regular expressions by which a function rewrites text."""
    for node in source_code.walk(reading.node):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="sub" | "subn"), args=[first, *_]):
                held = reading.function.__globals__.get(name)
                written: Any = first.value if held is re and isinstance(first, ast.Constant) else held
                try:
                    yield re.compile(written)
                except (re.error, TypeError):
                    continue


def _module(text: Text, part_uses: frozenset[PartUse], rewriting: Iterable[re.Pattern[str]]) -> Module:
    # A new text takes the place of what came of the old one: what unknown code makes of texts does not come to it.
    uses = {use for _, use in part_uses} - {"opaque"}
    filled = filling(text.text, uses)
    style: Style = text.style if text.style != "plain" else filled.style
    names, broken = placeholders_of(text.text, style, filled.tokens)
    reason = filled.reason or broken
    if not reason and any(pattern.search(text.text) for pattern in rewriting):
        reason = Reason(Obstacle.REWRITTEN)
    if not reason and matching.pattern(text.text, style, names) is None:
        reason = Reason(Obstacle.LOGIC)
    return Module(
        name=naming.slug(text.name), kind="prompt", text=text.text, style=style, placeholders=names,
        file=source_locations.relative(text.file), line=text.line, reason=reason, note=Note(ReadFrom.FILE),
    )  # fmt: skip
