"""Resuming a run: what must be the same for it to go on, and messages about how it goes on."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from langgraph_gepa.core.endings import Ended
from langgraph_gepa.core.events import CandidateAdmitted, Charged, RunFinished
from langgraph_gepa.core.example import digest
from langgraph_gepa.engine.ports import Store
from langgraph_gepa.errors import RunError
from langgraph_gepa.report.words import NOTHING_LEFT, WON, ending
from langgraph_gepa.runs.config import Hide, RunConfig
from langgraph_gepa.runs.signature import sign
from langgraph_gepa.search.pool import Pool

WHOLE = "the graph, its prompts or the metric"
"""What runs of earlier versions noted in place of the parts of the graph."""
FIRST_LIMIT = 500
"""The limit that is suggested where a run of an earlier version does not say which limit ended it."""

START = "the start"
"""The part of the identity that is the candidates which the search was given."""

_CARRIED = "What it knows of examples that stay is carried over, and not paid for again."
_OLD = "Its results can be shown and applied as ever; to search on, give a new folder with `run=` (`--run`)."
_CHOICE = "the choice of modules"
_READABLE = frozenset({"the models", "the recursion limit", "the search", "the seed"})
"""Parts of the identity whose values a person can read; the others are digests."""


def identity_of(config: RunConfig) -> dict[str, str]:
    """Everything that must be the same for a run to go on, by name, so that a difference can be named."""
    search = [config.search]
    # A run without repeats goes on with "auto": up to where it stands both run every pair once.
    search += [f"with repeats={config.repeats}"] if config.repeats not in (1, "auto") else []
    search += [f"with records={config.records}"] if config.records is not None else []
    search += [f"with perfect={config.perfect:g}"] if config.perfect is not None else []
    search += [f"with failure_score={config.failure_score:g}"] if config.failure_score is not None else []
    directions: dict[str, Any] = {
        "reflection prompt": config.reflection_prompt,
        "notes": config.notes,
        "frozen parts": config.frozen,
        "proposer": config.proposer,
    }
    return {
        **(config.parts or {WHOLE: config.fingerprint}),
        _CHOICE: digest(config.modules),
        **{_of_set(name): digest([[e.id, e.digest] for e in given]) for name, given in config.sets.items()},
        **{f"the {what}": digest(given) for what, given in directions.items() if given},
        **({START: digest(config.start)} if config.start else {}),
        "the search": " ".join(search),
        "the seed": str(config.seed),
    }


def start_or_resume(
    config: RunConfig,
    store: Store,
    *,
    folder: Path | str = "RUN",
    texts: Hide = str,
    examples: Hide = lambda value: value,
) -> str:
    """Writes `config` into a new run, or into one that was started with the same identity.

    A run in which nothing was scored yet begins again with what changed: what was paid for stays in its accounts and
    its ledger. Returns a sentence about that, otherwise an empty string. `texts` and `examples` hide what must not be
    kept of the modules' texts and of the examples, which are plain JSON data.

    Raises `RunError` naming what differs, and how a new run starts with the prompts of the one in `folder`.
    """
    config = _in_turn(config, store)
    data, identity, message = config.to_json(texts=texts, examples=examples), identity_of(config), ""
    if changed := changed_since_start(config, store, folder=folder):
        _restart(store, listed(list(changed)))
        names = listed(list(changed.values()))
        message = f"Nothing was scored in this folder yet, so the run begins again: {names} changed."
    asked = store.settings().get("asked")
    if not message and isinstance(asked, Mapping) and isinstance(began := asked.get("began"), str):
        data["began"] = began
    store.configure({"identity": identity, "asked": data, "signature": sign(data)})
    return message


def changed_since_start(config: RunConfig, store: Store, *, folder: Path | str) -> dict[str, str]:
    """Returns what differs from the run in `store`, by name and in words, where nothing was scored yet.

    Raises `RunError` where something was, as `start_or_resume` does. Changes nothing.
    """
    chosen, config = _chosen_modules(store.settings()), _in_turn(config, store)
    before = started_with(store.settings())
    changed, old = _differences(before, identity_of(config)), WHOLE in before and bool(config.parts)
    if _CHOICE in changed:
        changed[_CHOICE] += _in_words(chosen, config.modules)
    scored = any(isinstance(event, CandidateAdmitted) for _, event in store.events())
    if changed and scored:
        of_examples = all(name in map(_of_set, config.sets) for name in changed)
        fix = f"Put back what changed to go on with it, or {begin_with_its_prompts(folder)}."
        fix = f"{fix} {_CARRIED}" if of_examples else fix
        raise RunError(
            f"This folder holds another run: {listed(list(changed.values()))} changed since it was started. {fix}"
        )
    if old and scored:
        raise RunError(f"An earlier version started this run and did not note its models and settings. {_OLD}")
    return changed or ({WHOLE: "what is noted of it"} if old else {})


def _in_turn(config: RunConfig, store: Store) -> RunConfig:
    """Returns the config with the run's order of modules: it is that of the turns, which the journal keeps."""
    chosen = _chosen_modules(store.settings())
    return replace(config, modules=chosen) if sorted(chosen) == sorted(config.modules) else config


def session_of(store: Store) -> str:
    """Returns the name under which servers know the run's rollouts and trackers the run; makes it when first needed.

    Another run has another name, also one with the same settings: it must not find these rollouts.
    """
    known = store.settings().get("session")
    if isinstance(known, str) and re.fullmatch("[0-9a-f]{32}", known):
        return known
    store.configure({"session": (made := uuid4().hex)})
    return made


def started_with(settings: Mapping[str, Any]) -> Mapping[str, str]:
    """The identity that a run was started with; empty for one that never started. Raises `RunError`."""
    kept = settings.get("identity") or {}
    if not isinstance(kept, dict) or not all(isinstance(value, str) for value in kept.values()):
        raise RunError("What the run was started with is damaged.")
    return kept


def masked_sets(config: RunConfig, identity: Mapping[str, str]) -> tuple[str, ...]:
    """The sets of examples of which a mask hid something: they are not kept as the run was started with them."""
    kept = identity_of(config)
    return tuple(
        name for name in config.sets if identity.get(_of_set(name), kept[_of_set(name)]) != kept[_of_set(name)]
    )


def same_start(config: RunConfig, settings: Mapping[str, Any]) -> bool:
    """Whether the start is kept as the run was started with it: a mask may have hidden something of it."""
    return identity_of(config).get(START) == started_with(settings).get(START)


def as_before_apply(config: RunConfig, before: RunConfig, applied: Mapping[str, str]) -> RunConfig:
    """`config` with the graph of the run's start, where nothing but what `apply` wrote makes the graph another one.

    `before` is what the run was started with, and `applied` are the parts of the graph as `apply` left it.
    """
    if config.parts.keys() != before.parts.keys():
        return config
    changed = [name for name, value in config.parts.items() if value != before.parts[name]]
    if not changed or any(config.parts[name] != applied.get(name) for name in changed):
        return config
    texts = {module.name: module.text for module in before.found}
    found = tuple(replace(module, text=texts[module.name]) for module in config.found)
    return replace(config, found=found, parts=before.parts, fingerprint=before.fingerprint)


def how_to_resume(config: RunConfig, folder: Path, *, named: bool, when: str = "") -> str:
    """Says where a stopped run is kept and what goes on with it.

    `named` says that the caller named the folder: only then does the very same call find it again. A run that was
    given objects needs the program that has them.
    """
    if config.spec or config.demo:
        command = f"`langgraph-gepa resume {folder}`"
        again = f"the same call, or {command}," if named else command
    else:
        again = "the same call" if named else f"the same call with run={str(folder)!r}"
    return f"What was paid for is kept in {folder}: {when}{again} goes on."


def begin_with_its_prompts(folder: Path | str) -> str:
    """Says how a new run starts with what the one in `folder` found."""
    name = str(folder)
    return (
        f"begin a new run with its best prompts: `optimize ... --start {shlex.quote(name)} --run NEW` "
        f'(Python: `start={name!r}, run="NEW"`)'
    )


def already_finished(config: RunConfig, folder: Path, finished: RunFinished, pool: Pool, seconds: float) -> str:
    """Says that a run which was started again is finished, and how to give it more where that helps."""
    budget = asdict(config.budget)
    why = f"This run is finished: {ending(finished, budget, pool.spent, seconds)}."
    perfect = pool.scale.full
    if finished.ended in NOTHING_LEFT or (finished.ended == "target" and (budget["target"] or 0.0) >= perfect):
        return f"{why} A larger budget changes nothing: start a new run with other examples or another model."
    limit, more = _more(finished.ended or "rollouts", budget, perfect)
    how = "ask for more" if finished.ended in WON else "raise the limit"
    if config.spec or config.demo:
        return f"{why} To go on, {how}: `langgraph-gepa resume {folder} --{limit} {more:g}`."
    return f"{why} To go on, make the same call with another budget, such as Budget({limit}={more:g})."


def _more(ended: Ended, budget: Mapping[str, Any], perfect: float) -> tuple[str, float]:
    """Returns a limit, and a value of it with which a search that it ended goes on."""
    if ended in ("perfect", "gain"):
        return "gain", 0
    if ended == "target":
        return "target", perfect
    return ended, 2 * (budget[ended] or FIRST_LIMIT)


def listed(names: Sequence[str]) -> str:
    """Joins names for a sentence: "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _differences(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    """What differs, by name, in words. Parts that an earlier version could not know are not compared."""
    names = [name for name in {**before, **now} if before and before.get(name) != now.get(name)]
    if WHOLE in before and WHOLE not in now:
        names = [name for name in names if name in before and name in now]
    return {
        name: f"{name} (from {before[name] or 'none'} to {now[name] or 'none'})"
        if name in _READABLE and name in before and name in now
        else name
        for name in names
    }


def _chosen_modules(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The modules that a run was started with, in its order; empty for one that never started."""
    asked = settings.get("asked")
    names = asked.get("modules") if isinstance(asked, Mapping) else None
    return tuple(map(str, names)) if isinstance(names, list | tuple) else ()


def _in_words(before: Sequence[str], now: Sequence[str]) -> str:
    """Says which names were added and which are missing, in brackets; empty where `before` is not known."""
    added, missing = ([name for name in one if name not in other] for one, other in ((now, before), (before, now)))
    parts = [f"{what} {listed(names)}" for what, names in (("added", added), ("missing", missing)) if names]
    return f" ({'; '.join(parts)})" if before and parts else ""


def _restart(store: Store, changed: str) -> None:
    """Sets the run back to its start. Nothing was scored yet on which everything else would stand."""
    journal = list(store.events())
    spent = Pool.replay(event for _, event in journal).spent.usage
    store.restart(Charged("", spent, changed, "restarted"), journal[-1][0] if journal else 0.0)


def _of_set(name: str) -> str:
    return f"the {name} examples"
