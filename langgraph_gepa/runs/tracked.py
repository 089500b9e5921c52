"""A run for the trackers that follow it: its settings at the beginning, its files at the end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from langgraph_gepa.adapter.rollout.redaction import Mask
from langgraph_gepa.runs.config import RunConfig
from langgraph_gepa.runs.saved_run import PAGE, PROMPTS
from langgraph_gepa.trackers.tracking import TrackedRun, Tracking


def tracked_run(config: RunConfig, session: str, name: str, mask: Mask) -> TrackedRun:
    """Returns what the trackers know of the run called `name` when it begins. `session` is its id there."""
    settings = {
        "search": config.search, "metric": config.metric, "reflection_model": config.reflection_model,
        "critic_model": config.critic_model, "modules": ", ".join(config.modules), "seed": str(config.seed),
        **{f"{subset}_examples": str(len(examples)) for subset, examples in config.sets.items()},
    }  # fmt: skip
    return TrackedRun(
        id=session,
        name=name,
        graph=config.graph["name"],
        reflection_model=config.reflection_model,
        settings=settings,
        mask=mask,
    )


async def end_tracking(tracked: Sequence[Tracking], folder: Path, notify: Callable[[str], None]) -> None:
    """Sends the run's files to the trackers and waits for them. A tracker that failed is reported."""
    files = [file for file in (folder / PAGE, folder / PROMPTS) if file.is_file()]
    for one in tracked:
        one.end(files, json.loads((folder / PROMPTS).read_text("utf-8")) if folder / PROMPTS in files else {})
    for one in tracked:
        await asyncio.to_thread(one.wait)
        if one.failure is not None:
            notify(
                f"The tracker {one.name} is missing a part of this run: {one.failure}. The run's folder has everything."
            )
