"""Reflection with a model that takes only so much, and on more records than one prompt holds."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from langgraph_gepa.core.events import ReflectionFinished
from langgraph_gepa.core.module import Module
from langgraph_gepa.core.rollout import Call, Feedback, Rollout
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.ports import TooLong
from langgraph_gepa.engine.proposing import Reflector
from langgraph_gepa.reflection.proposal import Proposal
from langgraph_gepa.reflection.records import Record
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


MANY = [Record({"q": n}, Rollout(f"e{n}", {}, Feedback(0.0, f"wrong {n}!"))) for n in range(25)]


def proposed_from_many(answer: Any, tokens: int = 1_900) -> tuple[Proposal, list[str], list[Any]]:
    """What becomes of a reflection on 25 records, twice over one store."""

    async def scenario() -> Proposal:
        ledger = Ledger(evaluator, model, store)
        return await Reflector(ledger, evaluator, tokens).propose(MODULE, "seed", MANY, 1)

    evaluator, model, store = FakeEvaluator([MODULE], lambda *_: 0.0), FakeLanguageModel(answer), MemoryStore()
    proposal = asyncio.run(scenario())
    assert asyncio.run(scenario()) == proposal, "what was paid for is not asked for again"
    return proposal, model.prompts, [event for _, event in store.events()]


def map_and_reduce(prompt: str) -> str:
    if "Summarise what these records show" in prompt:
        return "```\n" + " ".join(f"seen {n}." for n in range(25) if f"wrong {n}!" in prompt) + "\n```"
    return "```\n" + ("better" if all(f"seen {n}." in prompt for n in range(25)) else "worse") + "\n```"


def test_many_records_are_summarised_in_groups_and_joined() -> None:
    """Each record in one group; each call is a reflection that is paid once."""
    proposal, prompts, events = proposed_from_many(map_and_reduce)
    assert proposal.text == "better"
    assert sorted(prompt.count("<record n=") for prompt in prompts) == [0, 8, 8, 9]
    assert [type(event) for event in events] == [ReflectionFinished] * 4


def test_many_records_that_fit_one_prompt_stand_in_one() -> None:
    """Reading all at once was worth more in simulated worlds, and it is a single call."""
    _, prompts, _ = proposed_from_many(lambda _: "```\nbetter\n```", tokens=24_000)
    assert [prompt.count("<record n=") for prompt in prompts] == [25]


def test_a_group_that_is_too_long_is_shortened_by_itself() -> None:
    """As a prompt with all records would be."""

    def answer(prompt: str) -> str | Exception:
        return TooLong("too long") if len(prompt) > 3_000 and "<record n=" in prompt else map_and_reduce(prompt)

    proposal, prompts, _ = proposed_from_many(answer)
    assert proposal.text in ("better", "worse")
    assert sum("<summary n=" in prompt for prompt in prompts) == 1


def test_a_group_without_an_answer_ends_the_proposal() -> None:
    """A text from half of the records is not taken for one from all."""
    proposal, _, events = proposed_from_many(lambda prompt: TooLong("too long") if "wrong 1!" in prompt else "x")
    assert (proposal.reason, proposal.text) == ("unanswered", None)
    assert len(events) <= 3


@pytest.mark.parametrize(("sees", "count"), [((), 0), (("image",), 1)])
def test_pictures_go_with_every_prompt_that_names_them(sees: Any, count: int) -> None:
    """Also with follow-ups; a model that sees none is told that they were left out."""
    url = "data:image/png;base64," + "A" * 100
    message = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}
    call = Call("model", "m", "fake", [message], None, modules=("m",))
    records = [Record({"picture": url}, Rollout("e", {}, Feedback(0.0, "wrong"), (call,)))]

    async def scenario() -> None:
        ledger = Ledger(evaluator, model, MemoryStore())
        await Reflector(ledger, evaluator, sees=sees).propose(MODULE, "seed", records, 1)

    evaluator, model = FakeEvaluator([MODULE], lambda *_: 0.0), FakeLanguageModel(["unclear", "unclear again"])
    asyncio.run(scenario())
    assert list(map(len, model.media)) == [count, count]
    assert ["[image, png, left out]" in prompt for prompt in model.prompts] == [not count] * 2
