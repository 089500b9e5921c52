"""A vector store with one passage; the state as the project's own loop hands it over."""

from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from strangers.standins import Standin


class OneDocument(BaseRetriever):
    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return [Document("The limit is ten thousand a day.")]


OneDocument.__module__ = "langchain_core.retrievers"


class FAISS(Standin):
    @classmethod
    def from_documents(cls, *_: Any) -> "FAISS":
        return cls()

    def as_retriever(self, **_: Any) -> BaseRetriever:
        return OneDocument()


def prepare() -> None:
    import langchain_community.vectorstores as stores

    stores.FAISS = FAISS


def graph() -> Any:
    from src.main import create_graph

    return create_graph()


def inquiry() -> dict[str, Any]:
    task = {"type": "Transfer funds", "flow_name": "payment_flow", "current_step": "collect_confirmation_fields"}
    return _state("How much do I have?") | {"pending_task": task, "transaction_fields": {"recipient_name": "Ana"}}


def faq() -> dict[str, Any]:
    return _state("What is the daily limit?")


def _state(said: str) -> dict[str, Any]:
    history = [{"role": "user", "content": said}]
    return {"conversation_history": history, "transaction_fields": {}, "inquiry_fields": {}, "pending_task": None}
