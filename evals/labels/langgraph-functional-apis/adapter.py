"""Stand-in for the raw client: it asks the loopback server, without LangChain."""

from typing import Any


def completion(model: str, messages: list[dict[str, str]], **_: Any) -> dict[str, Any]:
    from openai import OpenAI

    return OpenAI().chat.completions.create(model="simulated", messages=messages).model_dump()


completion.__module__ = "litellm"


def prepare() -> None:
    import litellm

    litellm.completion = completion
