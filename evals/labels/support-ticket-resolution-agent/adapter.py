"""The graph as the project builds it, without its tracing; every search finds the first three documents."""

import os
from typing import Any

from strangers.standins import canned


def prepare() -> None:
    import sklearn.metrics.pairwise as pairwise

    pairwise.cosine_similarity = lambda *_: canned(flatten=lambda _: [0.9, 0.8, 0.7])()


def graph() -> Any:
    from support_agent import graph, nodes

    graph.LANGSMITH_AVAILABLE = False
    nodes.gemini_client.base_url = os.environ["OPENAI_BASE_URL"]
    return graph.create_support_agent_graph()


def _state(subject: str, description: str) -> dict[str, Any]:
    from support_agent.state import create_initial_state

    return dict(create_initial_state({"subject": subject, "description": description}))


def urgent() -> dict[str, Any]:
    return _state("Urgent: charged twice", "The charge failed, then an error said I was charged twice.")


def technical() -> dict[str, Any]:
    return _state("Webhook", "Could you please help our team with the api and the webhook of our server?")
