"""The graph as the project's function builds it; the debate is in its second round."""

from typing import Any


def graph() -> Any:
    from graph.builder import build_graph

    return build_graph()


def inputs() -> dict[str, Any]:
    texts = ("problem", "context", "proposer_solution", "synthesizer_result", "final_decision", "final_reasoning")
    return {
        **dict.fromkeys(texts, ""),
        "raw_problem": "How does a small team get more done?",
        "critic_feedback": "Too vague.",
        "challenger_counterexample": "A team on call.",
        "key_points": {},
        "iteration": 1,
        "quality_score": 0.0,
        "should_continue": True,
        "messages": [],
    }
