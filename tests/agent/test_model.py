"""A reflection model on anything that answers, and what its words cost."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest
from langchain_openai import ChatOpenAI

from langgraph_gepa.agent.model import ChatReflection
from langgraph_gepa.agent.pricing import price
from langgraph_gepa.demo.server import Answer, ApiError, SimulatedServer
from langgraph_gepa.engine.ports import Reply
from langgraph_gepa.errors import ModelError

PRICES = {"reflector": (2.0, 10.0)}


def parrot(request: Any, _: Any) -> Answer:
    return Answer(f"said {request.user}")


def chat(server: SimulatedServer, **settings: Any) -> ChatOpenAI:
    """One that leaves no connection open when its event loop ends."""
    return ChatOpenAI(
        model="reflector", base_url=server.base_url, api_key="k", max_retries=0,
        default_headers={"Connection": "close"}, **settings,
    )  # fmt: skip


def reply(model: Any, **settings: Any) -> Reply:
    return asyncio.run(ChatReflection(model, **settings).complete("hello"))


@pytest.mark.parametrize("streaming", [False, True])
def test_a_chat_model_answers_with_its_usage_and_price(streaming: bool) -> None:
    """Tokens as the provider counts them, streamed or not; dollars by the prices given."""
    with SimulatedServer({"reflector": parrot}) as server:
        model = chat(server, streaming=streaming, stream_usage=streaming)
        said = reply(model, prices=PRICES)
        assert said.text == "said hello"
        assert said.usage.tokens == server.tokens > 0
    assert said.usage.dollars == (2 * said.usage.input_tokens + 10 * said.usage.output_tokens) / 1e6
    assert said.seconds > 0


def test_an_unknown_price_is_unknown() -> None:
    """Never zero: a budget in dollars must not take it for free."""
    with SimulatedServer({"reflector": parrot}) as server:
        said = reply(chat(server))
    assert said.usage.dollars is None
    assert said.usage.tokens > 0


def test_a_model_is_made_from_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """'provider:model' is LangChain's own notation, with its settings beside it."""
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    with SimulatedServer({"reflector": parrot}) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        assert reply("openai:reflector", default_headers={"Connection": "close"}).text == "said hello"


async def answer(prompt: str) -> str:
    return prompt.title()


@pytest.mark.parametrize(
    ("function", "text"), [(str.upper, "HELLO"), (answer, "Hello"), (lambda _: "\ud800", "\ufffd")]
)
def test_a_function_is_a_model(function: Any, text: str) -> None:
    """Anything from prompt to reply, sync or async; its price is unknown."""
    said = reply(function)
    assert (said.text, said.usage.dollars) == (text, None)


def test_a_failure_of_the_world_comes_through() -> None:
    """The engine decides what to try again; the model hides nothing."""

    def refuse(*_: Any) -> Answer:
        raise ApiError(503, "down")

    with SimulatedServer({"reflector": refuse}) as server, pytest.raises(openai.InternalServerError):
        reply(chat(server))


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("openai:gpt-5", "set the environment variable OPENAI_API_KEY"),
        ("gpt-5", "set the environment variable OPENAI_API_KEY"),
        ("mistralai:small", "pip install langchain-mistralai"),
        ("nowhere:model", "provider:model"),
        (None, "NoneType is no reflection model"),
    ],
)
def test_a_model_that_cannot_be_made_says_what_is_missing(
    model: Any, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key to set, the package to install, or how to write the name."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ModelError, match=says):
        ChatReflection(model)


def test_a_mistake_in_a_function_is_not_waited_for() -> None:
    """What the function's own code raises is no outage of a provider: it ends the run, with the line to mend."""

    def model(prompt: str) -> str:
        return str({}[prompt])

    with pytest.raises(
        ModelError, match=rf"raised KeyError: 'hi' \(.*test_model.py, line {model.__code__.co_firstlineno + 1}\)"
    ):
        asyncio.run(ChatReflection(model).complete("hi"))


def test_a_function_must_answer_in_text() -> None:
    """A function that gives something else is the user's mistake."""
    with pytest.raises(ModelError, match="must return text; it returned int"):
        reply(len)


def test_known_prices_count_cached_tokens_as_the_provider_does() -> None:
    """Prices come from the library, cached input is cheaper, and the user's own go first."""
    usage = {"input_tokens": 1_000_000, "output_tokens": 0}
    cached = {**usage, "input_token_details": {"cache_read": 1_000_000}}
    full, part = price("gpt-4.1", usage, provider="openai"), price("gpt-4.1", cached, provider="openai")
    assert full is not None
    assert part is not None
    assert 0 < part < full
    assert price("gpt-4.1", usage, provider="openai", prices={"openai:gpt-4.1": (0, 0)}) == 0
    assert price("no-such-model", usage) is None
