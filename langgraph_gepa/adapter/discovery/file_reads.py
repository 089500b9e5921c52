"""Finds the texts that a graph's functions read from files whenever they run, from the source of the functions."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path, PurePath
from typing import Any

from langgraph_gepa.adapter import templates
from langgraph_gepa.adapter.dataflow import roles, wording
from langgraph_gepa.adapter.dataflow.filling import filling
from langgraph_gepa.adapter.dataflow.flow import ANY, Flow, PartUse, Reading, Solution
from langgraph_gepa.adapter.dataflow.syntax_nodes import last
from langgraph_gepa.adapter.dataflow.text_files import Files, Text
from langgraph_gepa.adapter.dataflow.uses import PROMPT_NAME, REACHING, Use
from langgraph_gepa.adapter.discovery.file_names import FileName, calls_by_name, mentioned, passed, reachable
from langgraph_gepa.adapter.objects import naming, source_code
from langgraph_gepa.adapter.observed.unknown_prompts import file_module
from langgraph_gepa.core import matching
from langgraph_gepa.core.module import Module, Off
from langgraph_gepa.core.reason import Obstacle, Reason

_READERS = {"read_text", "read", "open", "safe_load", "full_load", "load", "loads", "get_template", "from_file"}
_USES: frozenset[Use] = REACHING | {"value", "table"}
"""Uses of what is read. The code does not show what a file holds, so that most of it looks like a value to it."""
_AS_INSTRUCTION: Mapping[Use, Use] = {"value": "inserted", "spare": "near"}
"""Uses of a value of a file, as they would be if the code showed what it holds."""
_PICKED: Mapping[Use, Use] = {use: "option" if use in ("prompt", "reported", "option") else "table" for use in _USES}
"""How values of one shape are used that one expression reads."""
_LONGEST_NAME = 300


def find(flow: Flow, solution: Solution, files: Files, users: Mapping[int, Sequence[str]]) -> list[Module]:
    """A module for each text of a file whose name a function mentions, or is called with, and whose content it gives to
    a model. `users` are the nodes that reach a function, by its id."""
    found: dict[Text, Module] = {}
    uses: dict[Text, set[Use]] = defaultdict(set)
    calls = calls_by_name(flow)
    for reading in flow.readings.values():
        part_uses = _part_uses(reading, solution)
        if not part_uses:
            continue
        for name in chain(mentioned(reading), passed(reading.function.__name__, calls)):
            read = _texts(name, files, part_uses)
            for text in reachable(list(read), [reading.function, name.function]):
                nodes = users.get(id(name.function), ())
                module = found.get(text) or _module(text, part_uses, _rewriting(reading))
                found[text] = replace(module, nodes=tuple(dict.fromkeys([*module.nodes, *nodes])))
                uses[text] |= read[text]
    few = Counter(text.shape for text in found if "table" in uses[text])
    return [_judged(module, text, frozenset(uses[text]), few[text.shape]) for text, module in found.items()]


def _part_uses(reading: Reading, solution: Solution) -> frozenset[PartUse]:
    """How a function uses what it reads, if it may give any of it to a model."""
    key = id(reading.function.__code__)
    found: set[PartUse] = set()
    for node in source_code.walk(reading.node):
        if isinstance(node, ast.Call) and last(node.func) in _READERS:
            found |= solution.part_uses(("call", key, source_code.position(node)))
    return frozenset(found) if any(use in _USES for _, use in found) else frozenset()


def _texts(name: FileName, files: Files, part_uses: frozenset[PartUse]) -> dict[Text, frozenset[Use]]:
    """The texts of the files with this name, with their uses: whole files, and the values under keys that are used."""
    wanted = PurePath(name.name)
    if not wanted.name or len(name.name) > _LONGEST_NAME or "\n" in name.name:
        return {}
    if not wanted.suffix and not name.without_ending:
        return {}
    found: dict[Text, frozenset[Use]] = {}
    values: dict[str, list[Text]] = defaultdict(list)
    for text in files.texts:
        if not _is_named(Path(text.file), wanted):
            continue
        if not text.keys:
            found[text] = frozenset({"prompt"})
        elif not templates.is_name(text.text):
            values[text.file].append(text)
    for several in values.values():
        found |= _used(several, part_uses)
    return found


def _is_named(file: Path, wanted: PurePath) -> bool:
    same = file.name == wanted.name if wanted.suffix else file.stem == wanted.name
    return same and (wanted.is_absolute() or file.parts[-len(wanted.parts) :][:-1] == wanted.parts[:-1])


def _used(texts: Sequence[Text], part_uses: frozenset[PartUse]) -> dict[Text, frozenset[Use]]:
    """The values of a file that are used, in the file's order, and how. Of those of one shape that one expression
    reads, a run picks some.

    Where no value is found under the keys, the code takes the file apart in a way that is not followed: then the last
    key alone decides.
    """
    found: dict[Text, set[Use]] = defaultdict(set)
    for path, use in part_uses:
        keys = [str(key) for key in path if key is not ANY]
        if use in _USES and keys:
            read = [one for one in texts if _under(path, one.keys)] or [one for one in texts if keys[-1] in one.keys]
            shapes = Counter(one.shape for one in read)
            for one in read:
                found[one].add((_PICKED if shapes[one.shape] > 1 else _AS_INSTRUCTION).get(use, use))
    return {text: frozenset(found[text]) for text in texts if text in found}


def _under(path: Sequence[Hashable], keys: Sequence[str]) -> bool:
    """Whether a path leads from the top of a file to a value, or to what holds it."""
    return len(path) <= len(keys) and all(
        step is ANY or str(step) == key for step, key in zip(path, keys, strict=False)
    )


def _judged(module: Module, text: Text, uses: frozenset[Use], few: int) -> Module:
    """The module, off where it is a value of a file that does not instruct. `few` counts the values of its shape."""
    if not text.keys:
        return module
    called = PROMPT_NAME.search(text.keys[-1]) is not None
    if called and wording.instructs(text.text, module.style, module.placeholders):
        return module
    value = roles.Text(text.text, module.style, module.placeholders, few=few <= roles.FEW, called=called)
    off = roles.off(value, uses)
    table = naming.slug(text.stem) if off is Off.TABLE else ""
    return module if off is None else replace(module, evidence="possible", off=off, table=table)


def _rewriting(reading: Reading) -> Iterator[re.Pattern[str]]:
    """The regular expressions by which a function rewrites text."""
    for node in source_code.walk(reading.node):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="sub" | "subn"), args=[first, *_]):
                value = reading.function.__globals__.get(name)
                pattern: Any = first.value if value is re and isinstance(first, ast.Constant) else value
                try:
                    yield re.compile(pattern)
                except (re.error, TypeError):
                    continue


def _module(text: Text, part_uses: frozenset[PartUse], rewriting: Iterable[re.Pattern[str]]) -> Module:
    # A new text replaces the result of the old one in messages: code that is not read does not see the new one.
    uses = {use for _, use in part_uses} - {"opaque"}
    filled = filling(text.text, uses)
    module = file_module(text, text.style if text.style != "plain" else filled.style, filled.tokens)
    reason = filled.reason or module.reason
    if not reason and any(pattern.search(text.text) for pattern in rewriting):
        reason = Reason(Obstacle.REWRITTEN)
    if not reason and matching.pattern(text.text, module.style, module.placeholders) is None:
        reason = Reason(Obstacle.LOGIC)
    return replace(module, reason=reason)
