"""The demo's simulated reflection model: it learns the house rules from feedback, imperfectly."""

from __future__ import annotations

import random

from langgraph_gepa.demo.lessons import Habits, reflect
from langgraph_gepa.demo.policy import LESSONS
from langgraph_gepa.demo.wire import Answer, Request

HABITS = Habits(notice=0.9, at_most=4)


def reflector(request: Request, rng: random.Random) -> Answer:
    """A new text for the module in a reflection prompt. It knows of the right answers only what feedback says."""
    return reflect(request, rng, LESSONS, HABITS)
