"""The graph over a model with the tools bound, as it asks for; a policy search and a fraud model of few words."""

from typing import Any

from langchain_openai import ChatOpenAI
from strangers.standins import Standin

CASE = {"entity_id": "1", "full_name": "Elena Petrova", "date_of_birth": "1990-05-02", "transaction": {"amount": 50.0}}


class Index(Standin):
    def search(self, query: str, k: int) -> list[Any]:
        from src.rag.chunking import chunk_policy_docs
        from src.tools.retrieve_policy import POLICIES_DIR

        return chunk_policy_docs(POLICIES_DIR)[:k]


class Classifier(Standin):
    def predict_proba(self, row: Any) -> Any:
        return {(0, 1): 0.4}


def prepare() -> None:
    from src.ml import data
    from src.tools import fraud_score, retrieve_policy

    data.FEATURE_NAMES.clear()
    retrieve_policy._get_index = Index
    fraud_score._get_model = Classifier
    fraud_score._top_contributing_features = lambda *_: []


def graph() -> Any:
    from src.agent.graph import TOOLS, build_graph

    return build_graph(ChatOpenAI(model="simulated").bind_tools(TOOLS))


def inputs() -> dict[str, Any]:
    from src.agent.decision import TriageDecision
    from src.agent.run import _build_messages
    from src.memory.case_memory import CaseRecord

    before = TriageDecision(decision="review", confidence=0.5, cited_policies=[], reasoning="Unclear.")
    return {"messages": _build_messages(CASE, CaseRecord("1", before, 0.4, "no_hit"))}
