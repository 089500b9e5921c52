"""A vector store that finds one page, and a place to be in."""

import sys
import types
from typing import Any, ClassVar

from langchain_core.documents import Document


class OnePage:
    search_kwargs: ClassVar[dict[str, Any]] = {}

    def invoke(self, query: str) -> list[Document]:
        return [Document("A page.")]


def prepare() -> None:
    stored: Any = types.ModuleType("tools.retriever")
    stored.retriever = OnePage()
    sys.modules["tools.retriever"] = stored
    from tools import ipinfo

    ipinfo.get_current_location = lambda: {"city": "Bengaluru"}
