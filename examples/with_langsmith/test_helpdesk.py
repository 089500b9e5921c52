"""Tests of the graph with better prompts, logged to LangSmith by its pytest plugin.

Run it with the prompts that `evaluate.py` found, or with those of `langgraph-gepa export RUN --out prompts.json`:
`LANGSMITH_TRACING=true LANGSMITH_TEST_SUITE=helpdesk-tests LANGSMITH_API_KEY=... OPENAI_API_KEY=... pytest`.
"""

import pytest
from helpdesk import EXAMPLES, graph, policy
from langsmith import testing

from langgraph_gepa import load_prompts

better = load_prompts(graph, "runs/desk/prompts.json")


@pytest.mark.langsmith
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["inputs"]["question"])
def test_a_reply_follows_the_policy(example: dict) -> None:
    testing.log_inputs(example["inputs"])
    testing.log_reference_outputs(example["outputs"])
    outputs = better.invoke(example["inputs"])
    testing.log_outputs(outputs)
    feedback = policy(outputs, example["outputs"])
    testing.log_feedback(key="policy", score=feedback.score, comment=feedback.comment)
    assert feedback.score == 1, feedback.comment
