"""A model's address where the project leaves it empty."""

import os
from typing import Any

import langchain_openai


def prepare() -> None:
    made = langchain_openai.ChatOpenAI

    def model(**given: Any) -> Any:
        return made(**{**given, "base_url": os.environ["OPENAI_BASE_URL"]})

    langchain_openai.ChatOpenAI = model  # type: ignore[assignment,misc]
