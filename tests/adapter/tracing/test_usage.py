"""What calls cost where nobody counted: estimated from the texts, marked as such, and held against the budget."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from langgraph_gepa import Budget, Feedback, RunnerOptions, optimize, prompt
from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.reflection_model import ChatReflection
from langgraph_gepa.adapter.rollout.evaluator import GraphEvaluator
from langgraph_gepa.adapter.tracing.payloads import estimated_tokens
from langgraph_gepa.core.example import Example, digest
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.report.json_view import to_json
from langgraph_gepa.report.words import cost

PROMPT = "Answer the customer's question briefly."


class Uncounted(BaseChatModel):
    """Answers at length, and reports `usage` or none, as many local servers and streams do."""

    usage: dict[str, int] | None = None

    @property
    def _llm_type(self) -> str:
        return "uncounted"

    def _get_ls_params(self, stop: Any = None, **_: Any) -> Any:
        return {"ls_model_name": "local", "ls_provider": "here"}

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **_: Any) -> ChatResult:
        text = f"```\nBetter {digest(str(messages))} {'word ' * 100}\n```"
        message = AIMessage(text, usage_metadata=self.usage and {**self.usage, "total_tokens": 0})
        return ChatResult(generations=[ChatGeneration(message=message)])


class State(TypedDict, total=False):
    question: str
    answer: str


def graph_of(model: Any) -> Any:
    def answer(state: State) -> State:
        return {"answer": model.invoke([("system", PROMPT), ("user", state["question"])]).text}

    return StateGraph(State).add_node("answer", answer).add_edge(START, "answer").compile()


@pytest.mark.parametrize("reported", [None, {"input_tokens": 0, "output_tokens": 0}])
def test_what_no_provider_counts_is_estimated_from_the_texts(reported: Any) -> None:
    """With what is known of the price, and by a function as well; what is counted is not estimated."""
    options = RunnerOptions(prices={"local": (1.0, 1.0)})
    evaluator = GraphEvaluator(survey(graph_of(Uncounted(usage=reported))), lambda outputs: 1.0, options=options)
    usage = asyncio.run(evaluator.evaluate({}, Example("e", {"question": "Where is my order?"}))).usage
    assert usage.estimated == usage.tokens > 500 / 4
    assert usage.input_tokens > len(PROMPT) / 4
    assert usage.dollars == usage.tokens / 1e6
    spoken = asyncio.run(ChatReflection(lambda _: "word " * 100).complete("hello " * 100)).usage
    assert (spoken.estimated, spoken.dollars) == (spoken.tokens, None)
    counted = Uncounted(usage={"input_tokens": 7, "output_tokens": 3})
    assert asyncio.run(ChatReflection(counted).complete("hello")).usage == Usage(7, 3, None)


@pytest.mark.parametrize(
    ("text", "least"),
    [("Where is my order, and when will it come at last?", 12), ("注文はどこですか。いつ届きますか。", 14), ("", 0)],
)
def test_an_estimate_is_rather_too_high_and_not_by_much(text: str, least: int) -> None:
    """In any script; `least` is what it is for a usual tokenizer."""
    assert least <= estimated_tokens(text) <= least * 2


def questions(count: int) -> Sequence[dict[str, Any]]:
    return [{"inputs": {"question": f"question {n}"}} for n in range(count)]


def test_a_budget_of_tokens_holds_without_any_usage_and_says_that_it_is_estimated(tmp_path: Path, caplog: Any) -> None:
    """Once for each model; the accounts tell what was estimated."""
    model = Uncounted()
    result = optimize(
        graph_of(model), questions(6), questions(6), metric=lambda outputs: Feedback(len(outputs["answer"]) % 7 / 7),
        reflection_lm=model, budget=Budget(tokens=8_000), run=tmp_path / "run", progress=False,
    )  # fmt: skip
    usage = result.pool.spent.usage
    assert usage.tokens <= 8_000
    assert usage.estimated == usage.tokens > 4_000
    said = [record.getMessage() for record in caplog.records if "usage is reported" in record.getMessage()]
    assert sorted(line.partition(":")[0] for line in said) == [
        "No usage is reported by local", "No usage is reported by the reflection model",
    ]  # fmt: skip
    assert to_json(result.view)["tokens_estimated"] == usage.estimated
    assert cost(usage) == f"{usage.tokens:,} tokens (all estimated; price unknown)"


def test_calls_that_nobody_sees_are_no_account_of_a_budget(tmp_path: Path, caplog: Any) -> None:
    """A client of its own: it is said that the limit does not hold for it, and which one would."""

    def answer(state: State) -> State:
        return {"answer": f"{prompt('unseen answer', PROMPT)} {state['question']}"}

    graph = StateGraph(State).add_node("answer", answer).add_edge(START, "answer").compile()
    for budget in (Budget(tokens=3_000), Budget(tokens=3_000, rollouts=30)):
        optimize(
            graph, questions(6), questions(6), metric=lambda outputs: 0.5, reflection_lm=lambda _: "NO CHANGE",
            budget=budget, run=tmp_path / str(budget.rollouts), progress=False,
        )  # fmt: skip
    assert sum("No model call of the graph was seen" in record.getMessage() for record in caplog.records) == 1
