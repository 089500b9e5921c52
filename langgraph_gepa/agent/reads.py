"""Texts that the graph's functions read from files of the project whenever they run, told from the source."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from types import FunctionType

from langgraph_gepa.agent import code, matching, naming, origin, templates
from langgraph_gepa.agent.expressions import last
from langgraph_gepa.agent.files import Files, Text
from langgraph_gepa.agent.filling import filling
from langgraph_gepa.agent.flow import Demand, Flow, Reading, Solution
from langgraph_gepa.agent.reach import outside, reachable
from langgraph_gepa.agent.strange import READ
from langgraph_gepa.agent.uses import REACHING, Use
from langgraph_gepa.search.module import Module, Style

_READS = {"read_text", "read", "open", "safe_load", "full_load", "load", "loads", "get_template", "from_file"}
_GIVEN: frozenset[Use] = REACHING | {"value", "table"}
"""Uses of what is read: the code does not say what a file holds, so that none of it is more than a value to it."""
_LONGEST = 300

Named = tuple[FunctionType, str, bool]
"""A name that a function says, and whether it may be that of a file without its ending."""


def find(flow: Flow, solution: Solution, files: Files, users: Mapping[int, Sequence[str]]) -> list[Module]:
    """A module for each text of a file that a function names, or is called with the name of, and whose content it
    gives to a model. `users` are the nodes that reach a function, by its identity."""
    found: dict[Text, Module] = {}
    calls = _calls(flow)
    for reading in flow.readings.values():
        demands = _demands(reading, solution)
        if not demands:
            continue
        for user, name, short in (*_named(reading), *calls[reading.function.__name__]):
            for text in reachable(list(_texts(name, short, files, demands)), [reading.function, user]):
                nodes = users.get(id(user), ())
                module = found.get(text) or _module(text, demands)
                found[text] = replace(module, nodes=tuple(dict.fromkeys([*module.nodes, *nodes])))
    return list(found.values())


def _demands(reading: Reading, solution: Solution) -> frozenset[Demand]:
    """What a function gives to a model of that which it reads."""
    key = id(reading.function.__code__)
    found: set[Demand] = set()
    for node in code.walk(reading.node):
        if isinstance(node, ast.Call) and last(node.func) in _READS:
            found |= solution.at(("call", key, code.position(node)))
    return frozenset(found) if any(use in _GIVEN for _, use in found) else frozenset()


def _named(reading: Reading) -> Iterator[Named]:
    """The names that may be a file's in a function: its strings, and the strings and paths it names."""
    function = reading.function
    for node in code.walk(reading.node):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield function, node.value, False
    yield from ((function, value, False) for value in outside(function))


def _calls(flow: Flow) -> Mapping[str, list[Named]]:
    """Function name -> the strings it is called with, and by which function."""
    found: dict[str, list[Named]] = defaultdict(list)
    for reading in flow.readings.values():
        for node in code.walk(reading.node):
            if isinstance(node, ast.Call):
                for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        found[last(node.func)].append((reading.function, argument.value, True))
    return found


def _texts(name: str, short: bool, files: Files, demands: frozenset[Demand]) -> Iterator[Text]:
    """The texts of the files with this name, `short` without its ending, those under the keys that are used."""
    wanted = PurePath(name)
    if not wanted.name or not (wanted.suffix or short) or len(name) > _LONGEST or "\n" in name:
        return
    for text in files.texts:
        path = Path(text.file)
        same = path.name == wanted.name if wanted.suffix else path.stem == wanted.name
        within = wanted.is_absolute() or path.parts[-len(wanted.parts) :][:-1] == wanted.parts[:-1]
        if same and within and (not text.keys or _used(text, demands)):
            yield text


def _used(text: Text, demands: frozenset[Demand]) -> bool:
    """Whether what is used of the file comes to this value; of JSON only the last key is known."""
    for path, use in demands:
        keys = [key for key in path if key is not None]
        if use in _GIVEN and keys and keys[-1] in text.keys and set(keys) <= {*text.keys, *keys[:-1]}:
            return True
    return False


def _module(text: Text, demands: frozenset[Demand]) -> Module:
    # A new text takes the place of what came of the old one: what unknown code makes of texts does not come to it.
    uses = {use for _, use in demands} - {"opaque"}
    filled = filling(text.text, uses)
    style: Style = text.style if text.style != "plain" else filled.style
    names: tuple[str, ...] = ()
    reason = filled.reason
    try:
        names = (*templates.placeholders(text.text, style), *(filled.tokens if style == "plain" else ()))
    except templates.BrokenTemplateError as broken:
        reason = reason or str(broken)
    if not reason and matching.pattern(text.text, style, names) is None:
        reason = "it is read when the graph runs and has logic in it: what it said cannot be recognised in the messages"
    return Module(
        name=naming.slug(text.name), kind="prompt", text=text.text, style=style, placeholders=names,
        file=origin.relative(text.file), line=text.line, reason=reason, note=READ,
    )  # fmt: skip
