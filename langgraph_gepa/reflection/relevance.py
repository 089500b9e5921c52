"""Decides which modules a rollout is evidence about."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from langgraph_gepa.core.module import Module
from langgraph_gepa.core.rollout import Call, Rollout


def reached(modules: Iterable[Module], rollouts: Sequence[Rollout]) -> frozenset[str]:
    """Returns the names of the modules that at least one of the rollouts bears on."""
    known = tuple(modules)
    calling = calling_nodes(rollouts, known)
    return frozenset(m.name for m in known if any(bears_on(m, rollout, calling) for rollout in rollouts))


def calling_nodes(rollouts: Iterable[Rollout], modules: Iterable[Module] = ()) -> frozenset[str]:
    """Returns the nodes that made a model call in any of the rollouts.

    A call that carries the text of a single node is that node's, wherever it was seen: a graph that a node builds and
    calls has nodes of its own.
    """
    calls = [call for rollout in rollouts for call in rollout.calls if call.kind == "model"]
    credited = {name for call in calls for name in call.modules}
    within = {m.nodes[0] for m in modules if m.name in credited and len(m.nodes) == 1}
    return frozenset(call.node for call in calls) | within


def with_evidence(names: Sequence[str], bearing: Collection[str], in_turn: Sequence[str]) -> tuple[str, ...]:
    """Returns those of `names` that are in `bearing`, the modules that rollouts are evidence about.

    When none of them is, returns the first module after them in the round-robin order `in_turn` that is.
    """
    kept = tuple(name for name in names if name in bearing)
    if kept or not names:
        return kept
    first = in_turn.index(names[0])
    return tuple(name for name in (*in_turn[first:], *in_turn[:first]) if name in bearing)[:1]


def bears_on(module: Module, rollout: Rollout, calling: Collection[str] = ()) -> bool:
    """Whether `rollout` may have gone as it did because of the module's text.

    It may when a call is credited to the module, when the metric names the module, and when neither can be ruled out:
    a node that uses the text ran and no model call of that node was ever seen, as when it calls a model without
    LangChain. `calling` are the nodes that made model calls in other rollouts: without one here, they ran without a
    model. A rollout whose nodes were not watched cannot be judged so unless it has no model call at all.
    """
    if module.name in rollout.feedback.by_module or any(module.name in call.modules for call in rollout.calls):
        return True
    if not rollout.nodes:
        return not any(call.kind == "model" for call in rollout.calls)
    return ran_unseen(module, rollout, calling)


def ran_unseen(module: Module, rollout: Rollout, calling: Collection[str] = ()) -> bool:
    """Whether a node that uses the module ran, and no model call of that node was seen, here or elsewhere."""
    called = {*calling, *calling_nodes([rollout])}
    return any(node in rollout.nodes and not any(_is_of(node, one) for one in called) for node in module.nodes)


def _is_of(node: str, called: str) -> bool:
    """Whether a call at node `called` belongs to `node`: the same node, one inside it, or the same node in a graph that
    runs as a separate run, whose paths do not start with the caller's."""
    return called == node or called.startswith(f"{node}/") or node.endswith(f"/{called}")


def concerned(
    modules: Iterable[Module], rollout: Rollout, reference: Any = None, calling: Collection[str] = ()
) -> frozenset[str]:
    """Returns the names of the modules that a rollout gives something to learn about.

    These are the modules that the metric's feedback names, and those whose tool call or retrieval failed. Where it
    names none, they are all modules that the rollout bears on, and the tools that its comment or the reference outputs
    name; a tool that was merely offered to a model is none of them.
    """
    known = tuple(modules)
    named = {module.name for module in known if rollout.feedback.by_module.get(module.name, "").strip()}
    if named:
        failed = (name for call in rollout.calls if call.kind != "model" and call.error for name in call.modules)
        return frozenset(named.union(failed))
    expected = "\n".join([rollout.feedback.comment, json.dumps(reference, ensure_ascii=False, default=str)])
    return frozenset(m.name for m in known if _is_used(m, rollout, calling) or _mentions(expected, m))


def _is_used(module: Module, rollout: Rollout, calling: Collection[str]) -> bool:
    if module.kind != "tool":
        return bears_on(module, rollout, calling)
    carrying = [call for call in rollout.calls if module.name in call.modules]
    if not carrying:
        return bears_on(module, rollout, calling)
    return any(call.kind != "model" or _requests(call, module) for call in carrying)


def _requests(call: Call, module: Module) -> bool:
    """Whether a model's reply requests the module's tool, which may never have run."""
    requests = call.output.get("tool_calls") or () if isinstance(call.output, Mapping) else ()
    return any(_is_about(module, str(request.get("name"))) for request in requests)


def _mentions(text: str, module: Module) -> bool:
    """Whether a text names the module's tool as a word of its own."""
    if module.kind != "tool":
        return False
    names = {tool for tool in module.tools if _is_about(module, tool)} or {_described(module)}
    # Words of ASCII: in Chinese or Japanese a name stands between letters without a space.
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.ASCII) for name in names)


def _is_about(module: Module, tool: str) -> bool:
    """Whether the module is the description of this tool, or of one of its arguments."""
    described = _described(module)
    return described == tool or described.startswith(f"{tool}.")


def _described(module: Module) -> str:
    """Returns what a module's name says after `tool:` and, where it needs one, the node's path."""
    return (module.name.partition(":")[2] or module.name).rpartition("/")[2]
