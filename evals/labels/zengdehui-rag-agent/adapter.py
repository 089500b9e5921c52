"""A store of one page, nothing written down, and a question as a message."""

from typing import Any

from langchain_core.documents import Document
from langchain_core.messages import HumanMessage


class Retriever:
    def invoke(self, _: str) -> list[Document]:
        return [Document("The market rose.")]


def prepare() -> None:
    from src.agent import router
    from src.rag import retriever

    retriever.build_or_load_vectorstore = lambda: None
    retriever.init_retriever = lambda _: Retriever()
    router.save_sample = lambda **_: None


def inputs() -> dict[str, Any]:
    return {"messages": [HumanMessage("How did the market do?")]}
