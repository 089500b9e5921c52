"""A reflection model on anything that answers, and what its words cost."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import openai
import pytest
from langchain_core.messages import AIMessage
from langchain_openai import ChatOpenAI

from langgraph_gepa.adapter.finish_reason import ending_of
from langgraph_gepa.adapter.reflection_model import ChatReflection
from langgraph_gepa.adapter.tracing.pricing import price
from langgraph_gepa.demo.server import Answer, ApiError, SimulatedServer
from langgraph_gepa.engine.ports import Reply
from langgraph_gepa.errors import ModelError

USED = {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11}
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


@pytest.mark.parametrize(
    ("metadata", "ending"),
    [
        ({"finish_reason": "stop"}, ""),
        ({"finish_reason": "length"}, "cut"),
        ({"finish_reason": "MAX_TOKENS", "safety_ratings": []}, "cut"),
        ({"finish_reason": "content_filter"}, "withheld"),
        ({"finish_reason": "SAFETY"}, "withheld"),
        ({"stop_reason": "end_turn", "stop_sequence": None}, ""),
        ({"stop_reason": "stop_sequence"}, ""),
        ({"stop_reason": "max_tokens"}, "cut"),
        ({"stop_reason": "model_context_window_exceeded"}, "cut"),
        ({"stop_reason": "refusal"}, "withheld"),
        ({"stopReason": "guardrail_intervened", "ResponseMetadata": {"HTTPStatusCode": 200}}, "withheld"),
        ({"done_reason": "length"}, "cut"),
        ({"status": "completed", "incomplete_details": None}, ""),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "cut"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "withheld"),
        ({"finish_reason": "COMPLETE"}, ""),
        ({"finish_reason": "eos_token", "max_tokens": 100}, ""),
        ({}, ""),
    ],
)  # fmt: skip
def test_how_a_reply_ended_is_read_from_what_the_provider_says(metadata: dict[str, Any], ending: str) -> None:
    """Each provider has its own word for a limit that was reached and for a reply that was withheld."""
    assert ending_of(AIMessage("x", response_metadata=metadata)) == ending


def test_what_a_model_refuses_is_withheld() -> None:
    """A refusal comes beside the content, which is empty."""
    assert ending_of(AIMessage("", additional_kwargs={"refusal": "I cannot help with that."})) == "withheld"


@pytest.mark.parametrize(
    ("limit", "most", "asked"),
    [(100, None, [100, 400]), (100, 300, [100, 400, 100]), (5_000, None, [5_000, 16_384]), (16_384, None, [16_384]),
     (None, None, [None, 16_384])],
)  # fmt: skip
def test_a_reply_that_was_cut_off_gets_a_higher_limit(limit: int | None, most: int | None, asked: list[Any]) -> None:
    """Four times the user's own, no more than the model allows; where the provider refuses that, its usual one."""
    limits: list[int | None] = []

    def serve(request: httpx.Request) -> httpx.Response:
        limits.append(json.loads(request.content).get("max_completion_tokens"))
        if most and (limits[-1] or 0) > most:
            return httpx.Response(400, json={"error": {"message": "max_completion_tokens is too large"}})
        choice = {"index": 0, "message": {"role": "assistant", "content": "I"}, "finish_reason": "length"}
        return httpx.Response(200, json={"id": "1", "object": "chat.completion", "created": 0, "model": "gpt-4o",
                                         "choices": [choice], "usage": USED})  # fmt: skip

    async def ask() -> list[Reply]:
        async with httpx.AsyncClient(transport=httpx.MockTransport(serve)) as client:
            model = ChatOpenAI(model="gpt-4o", api_key="k", max_retries=0, http_async_client=client, max_tokens=limit)
            reflection = ChatReflection(model)
            return [await reflection.complete("hello"), await reflection.complete("hello again", longer=True)]

    replies = asyncio.run(ask())
    assert [said.ending for said in replies] == ["cut", "cut"]
    assert limits == (asked if len(asked) > 1 else asked * 2)
    assert replies[0].usage == replies[1].usage


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
        (None, "NoneType is not a reflection model"),
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
    """What the function's own code raises is no outage of a provider: it ends the run, with the line to fix."""

    def model(prompt: str) -> str:
        return str({}[prompt])

    with pytest.raises(
        ModelError,
        match=rf"raised KeyError: 'hi' \(.*test_reflection_model.py, line {model.__code__.co_firstlineno + 1}\)",
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


def test_one_model_answers_in_any_number_of_event_loops() -> None:
    """One after the other and side by side: no loop waits for connections that another opened."""
    with SimulatedServer({"reflector": parrot}) as server:
        model = ChatOpenAI(model="reflector", base_url=server.base_url, api_key="k", max_retries=0)
        reflection = ChatReflection(model)

        async def many() -> set[str]:
            return {reply.text for reply in await asyncio.gather(*(reflection.complete("hello") for _ in range(8)))}

        with ThreadPoolExecutor(4) as threads:
            said = [asyncio.run(many()), *threads.map(asyncio.run, [many() for _ in range(4)])]
    assert said == [{"said hello"}] * 5
