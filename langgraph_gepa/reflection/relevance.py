"""Which modules a rollout can teach something about."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from langgraph_gepa.core.module import Module
from langgraph_gepa.core.rollout import Rollout


def reached(modules: Iterable[Module], rollouts: Sequence[Rollout]) -> frozenset[str]:
    """The names of the modules that at least one of the rollouts bears on."""
    known = tuple(modules)
    calling = calling_nodes(rollouts, known)
    return frozenset(m.name for m in known if any(bears_on(m, rollout, calling) for rollout in rollouts))


def calling_nodes(rollouts: Iterable[Rollout], modules: Iterable[Module] = ()) -> frozenset[str]:
    """The nodes at which a model call was seen in any of the rollouts.

    A call that carries the text of one node alone is that node's, wherever it was seen: a graph that a node makes and
    calls has nodes of its own.
    """
    calls = [call for rollout in rollouts for call in rollout.calls if call.kind == "model"]
    credited = {name for call in calls for name in call.modules}
    within = {m.nodes[0] for m in modules if m.name in credited and len(m.nodes) == 1}
    return frozenset(call.node for call in calls) | within


def with_evidence(names: Sequence[str], bearing: Collection[str], in_turn: Sequence[str]) -> tuple[str, ...]:
    """Those of `names` that rollouts bear on, as `reached` finds them, else the next of all modules that they do."""
    kept = tuple(name for name in names if name in bearing)
    if kept or not names:
        return kept
    first = in_turn.index(names[0])
    return tuple(name for name in (*in_turn[first:], *in_turn[:first]) if name in bearing)[:1]


def bears_on(module: Module, rollout: Rollout, calling: Collection[str] = ()) -> bool:
    """Whether `rollout` may have gone as it did because of the module's text.

    That is so when a call is the module's or the metric speaks of it by name, and where it cannot be ruled out:
    a node that uses the text ran and no model call of that node was ever seen, as when it calls a model past
    LangChain. `calling` are nodes at which other rollouts saw one: where they make none, they did without a model.
    Of a rollout whose nodes were not watched that is known only if it has no model call at all.
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
    """Whether a call at one node is another's: at a node within it, or at the same node of a graph that is called as a
    run of its own, whose nodes do not begin with those it is called from."""
    return called == node or called.startswith(f"{node}/") or node.endswith(f"/{called}")
