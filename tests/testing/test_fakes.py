"""The fakes do what they promise to those who test with them."""

import asyncio

import pytest

from langgraph_gepa.core.candidate import texts_key
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Module, Texts
from langgraph_gepa.core.rollout import Feedback, Usage
from langgraph_gepa.engine.ports import Evaluator, LanguageModel
from langgraph_gepa.testing import FakeEvaluator, FakeLanguageModel

TEXTS = {"planner": "Plan.", "writer": "Write."}


def test_a_fake_rollout_scores_what_the_function_says() -> None:
    """Score and feedback are the function's; each module has one call that carries it; usage is as told."""
    evaluator: Evaluator = FakeEvaluator(TEXTS, lambda texts, _: len(texts["writer"]) / 10, usage=Usage(1, 2, 0.5))
    rollout = asyncio.run(evaluator.evaluate(TEXTS, Example("a", {"q": 1})))
    assert (rollout.example, rollout.score, rollout.usage) == ("a", 0.6, Usage(1, 2, 0.5))
    assert [call.modules for call in rollout.calls] == [("planner",), ("writer",)]
    assert [(module.name, module.text) for module in evaluator.modules] == list(TEXTS.items())


def test_a_fake_evaluator_takes_modules_feedback_and_checks() -> None:
    """Modules, whole feedback and a check of placeholders can be given where a test needs them."""
    module = Module("writer", "prompt", "Write {x}.", "format", ("x",))
    feedback = Feedback(0.5, "half", {"writer": "shorter"})
    evaluator = FakeEvaluator(
        [module], lambda *_: feedback, check=lambda _, text: None if "{x}" in text else "lost {x}"
    )
    assert asyncio.run(evaluator.evaluate({"writer": "{x}"}, Example("a", {}))).feedback is feedback
    assert (evaluator.modules, evaluator.check("writer", "Write."), evaluator.check("writer", "{x}")) == (
        (module,),
        "lost {x}",
        None,
    )


def test_a_fake_evaluator_can_be_held_and_counts() -> None:
    """`pace` holds a rollout under way, or fails it; only what got through is finished."""

    async def scenario() -> None:
        gate = asyncio.Event()

        async def pace(_: Texts, example: Example) -> None:
            await gate.wait()
            if example.id == "b":
                raise ConnectionError

        evaluator = FakeEvaluator(TEXTS, lambda *_: 1.0, pace=pace)
        tasks = [asyncio.create_task(evaluator.evaluate(TEXTS, Example(id, {}))) for id in "ab"]
        await asyncio.sleep(0)
        assert evaluator.started == [(texts_key(TEXTS), "a"), (texts_key(TEXTS), "b")]
        assert evaluator.finished == []
        gate.set()
        kept, failed = await asyncio.gather(*tasks, return_exceptions=True)
        assert evaluator.finished == [(texts_key(TEXTS), "a")]
        assert isinstance(failed, ConnectionError)
        assert not isinstance(kept, BaseException)

    asyncio.run(scenario())


def test_a_fake_model_answers_by_function() -> None:
    """The reply is the function of the prompt, and the prompt is noted."""
    model = FakeLanguageModel(str.upper)
    assert asyncio.run(model.complete("why?")).text == "WHY?"
    assert model.prompts == ["why?"]


def test_a_fake_model_answers_from_a_script() -> None:
    """Replies come in order, exceptions are raised, and a script that is too short says so."""
    model: LanguageModel = FakeLanguageModel(["one", ConnectionError("down")], usage=Usage(3, 4, 0.1))
    reply = asyncio.run(model.complete("first"))
    assert (reply.text, reply.usage) == ("one", Usage(3, 4, 0.1))
    with pytest.raises(ConnectionError, match="down"):
        asyncio.run(model.complete("second"))
    with pytest.raises(RuntimeError, match="ends before prompt 3"):
        asyncio.run(model.complete("third"))
