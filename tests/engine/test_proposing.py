"""Reflection with a model that takes only so much."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from langgraph_gepa.core.events import ReflectionFinished
from langgraph_gepa.core.module import Module
from langgraph_gepa.core.rollout import Feedback, Rollout
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.ports import TooLong
from langgraph_gepa.engine.proposing import Reflector
from langgraph_gepa.reflection.prompt import Record
from langgraph_gepa.reflection.proposal import Proposal
from langgraph_gepa.store.memory import MemoryStore
from langgraph_gepa.testing import FakeEvaluator, FakeLanguageModel

MODULE = Module("m", "prompt", "seed", nodes=("m",))
RECORDS = [Record({"page": f"{n}" * 30_000}, Rollout(f"e{n}", {}, Feedback(0.0, "wrong"))) for n in range(3)]


def proposed(longest: int) -> tuple[Proposal, list[str], list[Any]]:
    """What becomes of a reflection whose model takes no more than `longest` characters."""

    def answer(prompt: str) -> str | Exception:
        return TooLong("too long") if len(prompt) > longest else "```\nbetter\n```"

    async def scenario() -> Proposal:
        ledger = Ledger(evaluator, model, store)
        return await Reflector(ledger, evaluator).propose(MODULE, "seed", RECORDS, 1)

    evaluator, model, store = FakeEvaluator([MODULE], lambda *_: 0.0), FakeLanguageModel(answer), MemoryStore()
    proposal = asyncio.run(scenario())
    return proposal, model.prompts, [event for _, event in store.events()]


@pytest.mark.parametrize("longest", [200_000, 60_000, 20_000, 7_000, 5_500])
def test_a_prompt_that_is_too_long_is_shortened_until_the_model_takes_it(longest: int) -> None:
    """First what the records hold, then their number; refusals cost nothing, and one reply is paid for."""
    proposal, prompts, events = proposed(longest)
    assert proposal.text == "better"
    assert len(prompts[-1]) <= longest
    assert all(len(prompt) > longest for prompt in prompts[:-1])
    assert [type(event) for event in events] == [ReflectionFinished]


def test_a_text_that_is_too_long_by_itself_ends_the_proposal_and_not_the_run() -> None:
    """It is said why, after ever shorter prompts."""
    proposal, prompts, events = proposed(1_000)
    assert (proposal.text, events) == (None, [])
    assert "too long, even with a single record cut short" in proposal.why
    lengths = [len(prompt) for prompt in prompts]
    assert lengths == sorted(set(lengths), reverse=True)
    assert len(lengths) < 20
