"""The demo's tickets: made up by hand, each an example for one to six of the house rules."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, Literal

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


def tickets(split: Split) -> list[dict[str, Any]]:
    """The 24 tickets of a split, as `inputs`, reference `outputs` and `metadata`.

    `inputs` are the graph's. `outputs` are the right `desk`, the `changes` the shop should see, why
    (`desk_because`, `changes_because`), and for the `reply` whether it must (`true`), must not
    (`false`) or may (`null`) apologise, and what it must state. `metadata` names the `lessons` of the
    `policy` that the ticket turns on, and the `meaning` that the simulated model reads in it.
    """
    text = files("langgraph_gepa.demo").joinpath("tickets", f"{split}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]
