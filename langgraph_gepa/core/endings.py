"""Codes for how an iteration, a search or a paid attempt ended. Runs keep them; `report.words` has the sentences."""

from __future__ import annotations

from typing import Literal

from langgraph_gepa.core.budget import Limit

Outcome = Literal["accepted", "rejected", "skipped", "failed"]

Cause = Literal[
    "seed", "perfect", "no_failures", "unused", "no_texts", "repeated", "no_rollouts", "no_better", "below_parents",
    "stopped", "start",
]  # fmt: skip
"""Why an iteration had its outcome.

- `seed`: it scored the seed.
- `start`: it scored texts that the search was given.
- `perfect`, `no_failures`, `unused`: nothing to learn from. Every score is perfect, the parent has no failures left, or
  its prompts were not used.
- `no_texts`, `repeated`, `no_rollouts`: nothing to try. Reflection gave no new text (see `ChildrenProposed`), all were
  tried before, or the budget leaves no rollouts.
- `no_better`: the child scored no better than its parent on the minibatch.
- `below_parents`: the merged child scored lower than the better parent on the gate.
- `stopped`: the child was accepted, and its race ended before the whole pareto set was run.
"""

Ended = Limit | Literal["perfect", "solved", "unchanged", "exhausted", "unread"]
"""Why a search ended: at a limit of the budget, or for one of five reasons.

- `perfect`: the best candidate is perfect on every validation example.
- `solved`: a candidate is perfect on the whole feedback set, so that nothing is left to learn from.
- `unchanged`: no reflection led to a new text that could be tried.
- `exhausted`: every failure was reflected on as often as the rules allow.
- `unread`: no reply of the reflection model could be used, in many iterations from the first one on.
"""

Loss = Literal["failed", "killed", "closed", "late", "restarted"]
"""Why an attempt cost something and gave no result.

- `failed`: it raised an exception.
- `killed`: the process died during it.
- `closed`: the session ended during it.
- `late`: a model call ended after its rollout.
- `restarted`: the run began again.
"""
