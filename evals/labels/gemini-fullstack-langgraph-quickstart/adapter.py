"""Stand-in for the provider's own client, which the project calls beside LangChain: it asks the loopback model."""

from types import SimpleNamespace
from typing import Any


class Client:
    def __init__(self, **_: Any) -> None:
        self.models = self

    def generate_content(self, *, contents: str, **_: Any) -> SimpleNamespace:
        from openai import OpenAI

        reply = OpenAI().chat.completions.create(model="simulated", messages=[{"role": "user", "content": contents}])
        grounding = SimpleNamespace(grounding_chunks=[], grounding_supports=[])
        candidate = SimpleNamespace(grounding_metadata=grounding)
        return SimpleNamespace(text=reply.choices[0].message.content, candidates=[candidate])


def prepare() -> None:
    import google.genai

    google.genai.Client = Client
