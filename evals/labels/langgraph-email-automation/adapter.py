"""One mail in the inbox and one document in the store."""

from types import SimpleNamespace
from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from strangers.standins import Standin


class OneDocument(BaseRetriever):
    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return [Document("A page.")]


OneDocument.__module__ = "langchain_core.retrievers"


class Chroma(Standin):
    def as_retriever(self, **_: Any) -> BaseRetriever:
        return OneDocument()


class Gmail(Standin):
    def fetch_unanswered_emails(self) -> list[dict[str, str]]:
        names = ("id", "threadId", "messageId", "references", "sender", "subject", "body")
        return [dict.fromkeys(names, "How much is it?")]

    def create_draft_reply(self, *_: Any) -> None:
        return


def prepare() -> None:
    import colorama
    import langchain_chroma

    colours = SimpleNamespace(YELLOW="", RED="", GREEN="", MAGENTA="", RESET_ALL="")
    colorama.Fore = colorama.Style = colours
    langchain_chroma.Chroma = Chroma
    from src.tools import GmailTools

    GmailTools.GmailToolsClass = Gmail


def graph() -> Any:
    from src.graph import Workflow

    return Workflow().app


def inputs() -> dict[str, Any]:
    return {
        "emails": [], "current_email": None, "email_category": "", "generated_email": "", "rag_queries": [],
        "retrieved_documents": "", "writer_messages": [], "sendable": False, "trials": 0,
    }  # fmt: skip
