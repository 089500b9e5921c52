"""A conversation with the reflection model: what is objected to, how often, and what is paid for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.events import CandidateAdmitted, ChildrenProposed, ReflectionFinished, RolloutFinished
from langgraph_gepa.core.module import Module
from langgraph_gepa.core.rollout import Feedback, Rollout
from langgraph_gepa.engine.ledger import Ledger
from langgraph_gepa.engine.ports import Reply
from langgraph_gepa.engine.proposing import Reflector
from langgraph_gepa.reflection.proposal import Ending, Proposal
from langgraph_gepa.reflection.records import Record
from langgraph_gepa.search.rules import RACING
from langgraph_gepa.store.memory import MemoryStore
from langgraph_gepa.testing import FakeEvaluator, FakeLanguageModel

MODULE = Module("m", "prompt", "Answer the question.")
BETTER = "`````\nAnswer the question in one word.\n`````"
FOUND = Proposal("Answer the question in one word.")


class Scripted(FakeLanguageModel):
    """Replies with their endings, in order; notes which were asked for with more room."""

    def __init__(self, *replies: str | tuple[str, Ending]) -> None:
        self.script = [reply if isinstance(reply, tuple) else (reply, "") for reply in replies]
        super().__init__([text for text, _ in self.script])
        self.longer: list[bool] = []

    async def complete(self, prompt: str, *, longer: bool = False) -> Reply:
        self.longer.append(longer)
        reply = await super().complete(prompt)
        return replace(reply, ending=self.script[len(self.prompts) - 1][1])


def records(*scores: float) -> list[Record]:
    return [Record({"n": n}, Rollout(f"e{n}", {}, Feedback(score, "wrong"))) for n, score in enumerate(scores)]


Check = Callable[[str, str], str | None]


def propose(
    model: FakeLanguageModel, shown: Sequence[Record] = (), check: Check = lambda *_: None, times: int = 1
) -> list[Proposal]:
    """What as many iterations with the same records propose, one after the other."""
    evaluator = FakeEvaluator([MODULE], lambda *_: 0.0, check=check)
    ledger = Ledger(evaluator, model, MemoryStore())
    reflector = Reflector(ledger, evaluator)

    async def ask() -> list[Proposal]:
        shown_ = shown or records(0.5)
        return [await reflector.propose(MODULE, MODULE.text, shown_, number) for number in range(1, times + 1)]

    proposals = asyncio.run(ask())
    assert ledger.pool.spent.reflections == len(model.prompts) == len(set(model.prompts))
    return proposals


@pytest.mark.parametrize(
    ("bad", "code"),
    [("Try this: answer in one word.", "unmarked"), ("<think>Well", "thinking"), ("```\nAnswer", "unclosed"),
     (("```\nAnswer", "cut"), "cut"), (("", "withheld"), "withheld"), ("", "empty"), ("Answer. " * 100, "unmarked"),
     ("`````\n" + "Answer now. " * 50 + "\n`````", "loop")],
)  # fmt: skip
def test_a_reply_that_cannot_be_read_is_sent_back_once(bad: Any, code: str) -> None:
    """Then what it is worth counts: the text it gives at last, or the reason why there is none."""
    model = Scripted(bad, BETTER)
    assert propose(model) == [FOUND]
    assert model.prompts[1].startswith(f"{model.prompts[0]}\n")
    assert "<broken>" in model.prompts[1]
    assert propose(Scripted(bad, bad)) == [Proposal(reason=code)]


def test_a_reply_that_was_cut_off_gets_more_room() -> None:
    """And only such a one: a higher limit costs more."""
    model = Scripted(("`````\nAnswer the que", "cut"), BETTER)
    assert propose(model) == [FOUND]
    assert model.longer == [False, True]
    model = Scripted("Answer in one word.", BETTER)
    propose(model)
    assert model.longer == [False, False]


def test_no_change_is_doubted_where_most_runs_scored_nothing() -> None:
    """Once; a model that stays with it is believed, and one whose runs mostly did well is believed at once."""
    model = Scripted("NO CHANGE", BETTER)
    assert propose(model, records(0, 0, 0, 1)) == [FOUND]
    assert "3 of the 4 runs above got the lowest score" in model.prompts[1]
    assert propose(Scripted("NO CHANGE", "NO CHANGE"), records(0, 0)) == [Proposal(unchanged=True)]
    assert propose(Scripted("NO CHANGE"), records(0, 1)) == [Proposal(unchanged=True)]


def test_each_kind_of_objection_is_made_once() -> None:
    """A model that errs in every way there is costs four replies and gets no fifth."""

    def check(_module: str, text: str) -> str | None:
        return None if "{q}" in text else "it lost {q}"

    bad = ["NO CHANGE", "Answer {q}.", "`````\nAnswer.\n`````"]
    assert propose(Scripted(*bad, "`````\nAnswer {q}.\n`````"), records(0), check) == [Proposal("Answer {q}.")]
    assert propose(Scripted(*bad, bad[2]), records(0), check) == [
        Proposal(reason="refused", detail="it lost {q}", refused="Answer.")
    ]


def test_the_same_prompt_is_never_paid_for_twice() -> None:
    """A second iteration with the same records asks for another text than the first got."""
    model = Scripted(BETTER, "`````\nAnswer with one letter.\n`````", BETTER)
    assert propose(model, times=3) == [FOUND, Proposal("Answer with one letter."), Proposal(reason="repeated")]
    assert "<rejected_text>\nAnswer the question in one word.\n</rejected_text>" in model.prompts[1]
    assert propose(Scripted("NO CHANGE"), times=3) == [Proposal(unchanged=True)] * 3


@pytest.mark.parametrize("in_flight", [1, 6])
@pytest.mark.parametrize("search", ["gepa", "racing"])
def test_texts_that_are_tried_already_are_not_tried_again(worlds: Any, search: str, in_flight: int) -> None:
    """A reflection model with two ideas: each gets into the pool once, however often it is proposed and by how many
    iterations at once; no prompt is sent twice, and none of its texts is run twice on an example for the same end."""
    world = worlds.World(
        lambda texts, _: 0.1 * len(texts["m"]), {"m": "-"},
        lambda prompt: "`````\n" + ("--" if "<current_text>\n-\n" in prompt else "---") + "\n`````", feedback=4,
    )  # fmt: skip
    optimizer = world.session(Budget(rollouts=120), in_flight=in_flight)
    if search == "racing":
        optimizer = replace(optimizer, rules=RACING)
    asyncio.run(optimizer.run())
    assert [candidate.texts["m"] for candidate in world.candidates()] == ["-", "--", "---"]
    assert max(Counter(world.model.prompts).values()) == 1
    tried = [child["m"] for e in world.journal() if isinstance(e, ChildrenProposed) for child in e.children]
    assert tried == ["--", "---"]


def test_what_is_tried_and_why_nothing_is_stands_in_the_journal(worlds: Any) -> None:
    """Children as what they change, faults by their codes: nothing has to be read out of replies again."""
    replies = {"a": "`````\nbetter a\n`````", "b": "```\ncut o"}
    world = worlds.World(
        lambda texts, _: 1.0 if texts["a"] == "better a" else 0.0, {"a": "a", "b": "b"},
        lambda prompt: replies["a" if "<current_text>\na\n" in prompt else "b"],
    )  # fmt: skip
    asyncio.run(replace(world.session(Budget(rollouts=40)), rules=RACING).run())
    proposed = [event for event in world.journal() if isinstance(event, ChildrenProposed)]
    assert proposed[0] == ChildrenProposed(1, ({"a": "better a"},), {"b": "unclosed"})
    assert any(isinstance(event, CandidateAdmitted) and event.iteration == 1 for event in world.journal())


def test_a_reply_of_another_iteration_is_no_rollout_and_no_reflection(worlds: Any) -> None:
    """What costs nothing is not counted: the journal has one reflection for each prompt that was sent."""
    world = worlds.World(lambda *_: 0.0, {"m": "seed"}, lambda _: "NO CHANGE", feedback=1, pareto=2)
    asyncio.run(replace(world.session(Budget(rollouts=30)), rules=RACING).run())
    told = world.journal()
    assert sum(isinstance(event, ReflectionFinished) for event in told) == len(world.model.prompts) == 2
    assert sum(isinstance(event, RolloutFinished) for event in told) == 3
