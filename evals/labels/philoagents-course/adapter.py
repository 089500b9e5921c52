"""Stand-ins for the database, and for the prompt service, which refuses without credentials."""

import sys
from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever


class OneDocument(BaseRetriever):
    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return [Document("A page.")]


OneDocument.__module__ = "langchain_core.retrievers"


class Prompt:
    def __init__(self, **_: Any) -> None:
        raise PermissionError("no credentials")


def prepare() -> None:
    import langchain_core.tools.retriever as moved
    import opik

    opik.Prompt = Prompt
    sys.modules["langchain.tools.retriever"] = moved  # where it was in the version the project was written for
    from philoagents.application.rag import retrievers
    from philoagents.config import Settings

    Settings.GROQ_LLM_MODEL_SUMMARY = "simulated"  # asked for, and not defined at this commit
    retrievers.get_retriever = lambda *_, **__: OneDocument()


def long_talk() -> dict[str, Any]:
    talk = [{"role": "user" if at % 2 == 0 else "assistant", "content": f"Turn {at}."} for at in range(31)]
    about = {"philosopher_context": "", "philosopher_name": "Plato", "philosopher_perspective": "ideas"}
    return {"messages": talk, **about, "philosopher_style": "calm", "summary": ""}


def summed_up() -> dict[str, Any]:
    return {**long_talk(), "summary": "They spoke of caves."}
