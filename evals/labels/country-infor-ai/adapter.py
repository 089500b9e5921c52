"""Settings from the environment, one country, and words for tokens."""

import os
from typing import Any

import tiktoken


class BaseSettings:
    def __init__(self) -> None:
        for name in type(self).__annotations__:
            setattr(self, name, os.environ.get(name.upper(), getattr(self, name, "")))


class Encoding:
    def encode(self, text: str) -> list[str]:
        return text.split()


async def fetch(self: Any, country_name: str) -> dict[str, Any]:
    return {"name": {"common": country_name}, "capital": ["Tokyo"], "population": 125_000_000}


def prepare() -> None:
    import pydantic_settings

    pydantic_settings.BaseSettings = BaseSettings
    tiktoken.get_encoding = lambda name: Encoding()  # type: ignore[assignment,return-value]
    from src.tools.country_api import CountryAPIClient

    CountryAPIClient.fetch = fetch
