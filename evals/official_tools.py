"""The official side of BFCL's multi-turn tasks: the rows that come with the package, calls as data, and the checker.

Nothing of the Berkeley Function Calling Leaderboard (Apache-2.0, https://github.com/ShishirPatil/gorilla) ships here.
It is installed without its many dependencies, none of which its tools and checks need:

    pip install --no-deps bfcl-eval==2026.3.23 && pip install mpmath
"""

from __future__ import annotations

import ast
import json
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib import import_module, resources
from inspect import Signature, signature
from itertools import count
from keyword import iskeyword
from typing import Any

from langgraph_gepa.errors import ExampleError, UsageError

INSTALL = "pip install --no-deps bfcl-eval==2026.3.23 && pip install mpmath"
CHECKER = "eval_checker.multi_turn_eval"
CLASSES = (
    "GorillaFileSystem",
    "MathAPI",
    "MessageAPI",
    "TicketAPI",
    "TradingBot",
    "TravelAPI",
    "TwitterAPI",
    "VehicleControlAPI",
)
"""Those that the multi-turn tasks use. The package has others, which reach the network or the disk."""

NO_TOOL = "no_such_tool()"
CHECKS = count()

Call = Mapping[str, Any]
"""The `name` of a tool and its `arguments`."""


def rows(file: str) -> list[dict[str, Any]]:
    """The rows of a data file of the package."""
    official("constants.default_prompts")
    text = (resources.files("bfcl_eval") / "data" / file).read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def official(module: str) -> Any:
    """A module of the package. Raises `UsageError` where that is not installed."""
    try:
        return import_module(f"bfcl_eval.{module}")
    except ImportError as error:
        raise UsageError(f"BFCL's tasks and checks cannot be loaded ({error}). Run: {INSTALL}") from error


@cache
def signatures(classes: tuple[str, ...]) -> Mapping[str, Signature]:
    """The tools of some classes by name. Raises `ExampleError` for classes that the multi-turn tasks do not use."""
    unknown = sorted(set(classes) - set(CLASSES))
    if unknown:
        raise ExampleError(f"No class of tools is named {', '.join(unknown)}; there are {', '.join(CLASSES)}.")
    homes = official("constants.executable_backend_config").CLASS_FILE_PATH_MAPPING
    made = [getattr(import_module(homes[name]), name)() for name in classes]
    return {
        name: signature(getattr(instance, name))
        for instance in made
        for name in dir(instance)
        if not name.startswith("_") and callable(getattr(instance, name))
    }


def parsed(source: str, classes: Sequence[str]) -> dict[str, Any]:
    """A call in Python's words as data, all its arguments by name."""
    call = ast.parse(source, mode="eval").body
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise ExampleError(f"{source!r} is not the call of a tool.")
    bound = signatures(tuple(classes))[call.func.id].bind(
        *(ast.literal_eval(value) for value in call.args),
        **{str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords},
    )
    return {"name": call.func.id, "arguments": dict(bound.arguments)}


def source(call: Call) -> str:
    """A call in Python's words."""
    return f"{call['name']}({', '.join(f'{name}={value!r}' for name, value in call['arguments'].items())})"


def same(one: Call, other: Call, classes: Sequence[str]) -> bool:
    """Whether two calls come to the same: an argument may be left out where the other has its default."""
    return one["name"] == other["name"] and _completed(one, classes) == _completed(other, classes)


def _completed(call: Call, classes: Sequence[str]) -> Mapping[str, Any]:
    known = signatures(tuple(classes)).get(call["name"])
    if known is None:
        return dict(call["arguments"])
    defaults = {name: one.default for name, one in known.parameters.items() if one.default is not one.empty}
    return {**defaults, **call["arguments"]}


def verdict(
    inputs: Mapping[str, Any], made: Sequence[Sequence[Sequence[Call]]], wanted: Sequence[Sequence[Call]]
) -> dict[str, Any]:
    """What the official checker says of the calls `made`, by turn and step, where those `wanted` by turn are right.

    It carries both out on new instances. As in the official evaluation, nothing is right that has not all its turns.
    """
    if len(made) != len(wanted):
        return {"valid": False, "error_type": "multi_turn:force_terminated"}
    tools = signatures(tuple(inputs["classes"]))
    run = f"check{next(CHECKS)}"
    task = {
        "id": f"{'long_context' if inputs.get('long_context') else 'base'}_0",  # the number does not matter
        "initial_config": inputs["initial_config"],
        "involved_classes": list(inputs["classes"]),
    }
    try:
        result: dict[str, Any] = official(f"{CHECKER}.multi_turn_checker").multi_turn_checker(
            [[[_evaluable(call, tools) for call in step] for step in turn if step] for turn in made],
            [[_evaluable(call, tools) for call in turn] for turn in wanted],
            task,
            "multi_turn",
            run,
        )
    finally:
        kept = vars(official(f"{CHECKER}.multi_turn_utils"))  # the checker leaves its instances among its globals
        for name in [name for name in list(kept) if name.startswith(f"{run}_")]:
            del kept[name]
    return result


def _evaluable(call: Call, tools: Collection[str]) -> str:
    """A call as the checker may evaluate it: names of tools and of arguments, and literals, whoever wrote the call.

    Anything else becomes a call that fails there, as it did in the rollout.
    """
    named = call["name"] in tools and all(name.isidentifier() and not iskeyword(name) for name in call["arguments"])
    return source(call) if named else NO_TOOL
