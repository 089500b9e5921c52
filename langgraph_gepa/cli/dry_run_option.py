"""`optimize --dry-run`: checks what a search checks before it pays, and describes and runs one rollout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, get_args

import langgraph_gepa
from langgraph_gepa.cli.console import echo
from langgraph_gepa.core.budget import Limit
from langgraph_gepa.errors import UsageError


def rehearse(graph: str, train: str, val: str | None, subject: dict[str, Any], settings: dict[str, Any]) -> None:
    """Checks everything that the search checks before it pays, then describes and runs one rollout.

    What only the search needs may be left out, and is named then.
    """
    from langgraph_gepa.runs.arguments import Arguments
    from langgraph_gepa.runs.dry_run import notes_on_search

    missing = _missing(settings)
    search = {**subject, **settings, "observers": (), "progress": False}
    notes = () if missing else notes_on_search(Arguments(graph=graph, trainset=train, valset=val, **search))
    description = langgraph_gepa.dry_run(graph, train, **subject)
    echo(replace(description, notes=tuple(dict.fromkeys((*description.notes, *notes)))))
    if description.rollout is not None and description.rollout.error is not None:
        raise UsageError("The rollout failed: fix that before a search pays for more of them.")
    if description.risky:
        raise UsageError(_blocked(description.risky, subject["options"]))
    added = f", with {' and '.join(missing)}" if missing else ""
    echo(f"\nNext: the same command without --dry-run{added}.")


def _missing(settings: Mapping[str, Any]) -> list[str]:
    """The options that a search needs and that are not given."""
    no_model = settings["reflection_lm"] is None and settings["proposer"] is None
    no_limit = all(getattr(settings["budget"], limit) is None for limit in get_args(Limit))
    return [*(["--reflection-lm"] if no_model else []), *(["a limit such as --rollouts 500"] if no_limit else [])]


def _blocked(risky: Sequence[str], options: langgraph_gepa.RunnerOptions | str) -> str:
    """What to do about a dry run that runs nothing because of tools that may do harm."""
    from langgraph_gepa.adapter.tools.stand_ins import remedies

    stand_ins, harmless = remedies(risky)
    blocked = f"No rollout was run: {', '.join(risky)} would really run and may change something outside.\nNext: "
    if isinstance(options, str):
        return f"{blocked}give the RunnerOptions of {options} {stand_ins}, or {harmless} where that does no harm."
    return (
        f"{blocked}write a gepa_options.py and add --options gepa_options.py:options to the command:\n\n"
        f"    from langgraph_gepa import RunnerOptions\n"
        f"    options = RunnerOptions({stand_ins})\n\n"
        f"or RunnerOptions({harmless}) where that does no harm."
    )
