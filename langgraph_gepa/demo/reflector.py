"""The demo's simulated reflection model: it learns the house rules from feedback, imperfectly."""

from __future__ import annotations

import random

from langgraph_gepa.demo.lessons import reflect
from langgraph_gepa.demo.policy import LESSONS
from langgraph_gepa.demo.wire import Answer, Request


def reflector(request: Request, rng: random.Random) -> Answer:
    """A new text for the module in a reflection prompt. It knows of the right answers only what feedback says."""
    return reflect(request, rng, LESSONS)
