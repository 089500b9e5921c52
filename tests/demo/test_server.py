"""The simulated server speaks OpenAI's format and answers by content alone."""

from __future__ import annotations

import http.client
import json
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
from langchain_core.messages import AIMessageChunk
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

from langgraph_gepa.demo.server import Answer, ApiError, Request, SimulatedServer, ToolCall


def dice(request: Request, rng: random.Random) -> Answer:
    return Answer(f"{request.user} {rng.random()}")


def clerk(request: Request, rng: random.Random) -> Answer:
    return Answer("", (ToolCall(request.tool_names[0], {"order": "A-1"}),)) if request.tools else Answer("no tools")


def chat(server: SimulatedServer, model: str = "dice", **options: Any) -> ChatOpenAI:
    return ChatOpenAI(model=model, base_url=server.base_url, api_key="simulated", max_retries=0, **options)


def post(server: SimulatedServer, body: bytes, path: str = "/simulated/v1/chat/completions") -> tuple[int, Any]:
    connection = http.client.HTTPConnection(urlsplit(server.base_url).netloc)
    connection.request("POST", path, body)
    response = connection.getresponse()
    status, data = response.status, json.loads(response.read())
    connection.close()
    return status, data


@tool
def look_up(order: str) -> str:
    """Looks up an order."""
    return order


def test_answers_depend_on_content_and_seed_only() -> None:
    """The same requests in another order, all at once, get the same answers; another seed gets others."""
    questions = [f"question {n}" for n in range(12)]
    with SimulatedServer({"dice": dice}, seed=1) as server:
        forward = [chat(server).invoke(q).text for q in questions]
    with SimulatedServer({"dice": dice}, seed=1) as server, ThreadPoolExecutor(6) as pool:
        backward = list(pool.map(lambda q: chat(server).invoke(q).text, reversed(questions)))
    with SimulatedServer({"dice": dice}, seed=2) as server:
        other = chat(server).invoke(questions[0]).text
    assert forward == backward[::-1]
    assert other != forward[0]


def test_tool_calls_reach_a_chat_model() -> None:
    """A persona's tool call arrives as LangChain's, with an id that is the same every time."""
    with SimulatedServer({"clerk": clerk}) as server:
        first, second = (chat(server, "clerk").bind_tools([look_up]).invoke("where is A-1?") for _ in range(2))
    assert [(c["name"], c["args"]) for c in first.tool_calls] == [("look_up", {"order": "A-1"})]
    assert first.tool_calls == second.tool_calls


def test_a_stream_adds_up_to_the_whole_reply() -> None:
    """Streaming gives the same words, tool calls and usage as one reply."""
    with SimulatedServer({"dice": dice, "clerk": clerk}) as server:
        for model in (chat(server), chat(server, "clerk").bind_tools([look_up])):
            whole = model.invoke("x" * 100)
            parts = list(model.stream("x" * 100, stream_usage=True))
            total = parts[0]
            for part in parts[1:]:
                total += part
            assert isinstance(total, AIMessageChunk)
            assert (total.text, total.tool_calls) == (whole.text, whole.tool_calls)
            assert total.usage_metadata == whole.usage_metadata


def test_usage_and_requests_are_counted() -> None:
    """The server's totals are the sum of what its replies reported."""
    with SimulatedServer({"dice": dice}) as server:
        used = [chat(server).invoke(q).usage_metadata["total_tokens"] for q in ("a", "b" * 400)]
        assert (server.requests, server.tokens) == (2, sum(used))
    assert used[1] - used[0] > 99


@pytest.mark.parametrize(
    ("body", "path", "status", "message"),
    [
        (b"{", "/simulated/v1/chat/completions", 400, "not valid JSON"),
        (b"[]", "/simulated/v1/chat/completions", 400, "JSON object"),
        (b"{}", "/simulated/v1/chat/completions", 400, "a model"),
        (b'{"model": "dice", "messages": []}', "/simulated/v1/chat/completions", 400, "non-empty"),
        (b'{"model": "dice", "messages": [{"content": "x"}]}', "/simulated/v1/chat/completions", 400, "a role"),
        (
            b'{"model": "dice", "messages": [{"role": "user"}], "n": 2}',
            "/simulated/v1/chat/completions",
            400,
            "one choice",
        ),
        (b'{"model": "no", "messages": [{"role": "user"}]}', "/simulated/v1/chat/completions", 404, "has: dice"),
        (b"{}", "/simulated/v1/embeddings", 404, "no such path"),
    ],
)
def test_a_bad_request_learns_what_is_wrong(body: bytes, path: str, status: int, message: str) -> None:
    """Mistakes get the API's status and error object, never a traceback."""
    with SimulatedServer({"dice": dice}) as server:
        got, data = post(server, body, path)
    assert got == status
    assert message in data["error"]["message"]
    assert data["error"]["type"] == "invalid_request_error"


def test_a_persona_can_simulate_an_outage() -> None:
    """An `ApiError` raised by a persona is what the client sees."""

    def tired(request: Request, rng: random.Random) -> Answer:
        raise ApiError(429, "slow down")

    with SimulatedServer({"tired": tired}) as server:
        status, data = post(server, b'{"model": "tired", "messages": [{"role": "user", "content": "x"}]}')
    assert (status, data["error"]["type"]) == (429, "rate_limit_error")


def test_lists_its_models() -> None:
    """`GET models` names what it serves."""
    with SimulatedServer({"b": dice, "a": clerk}) as server:
        connection = http.client.HTTPConnection(urlsplit(server.base_url).netloc)
        connection.request("GET", "/simulated/v1/models")
        listed = json.loads(connection.getresponse().read())
        connection.close()
    assert {m["id"] for m in listed["data"]} == {"a", "b"}


def test_answers_side_by_side() -> None:
    """Requests under way do not wait for one another: all of them meet inside the persona."""
    meeting = threading.Barrier(8)

    def patient(request: Request, rng: random.Random) -> Answer:
        meeting.wait(timeout=10)
        return Answer("together")

    with SimulatedServer({"patient": patient}) as server, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: chat(server, "patient").invoke(str(n)).text, range(8)))
    assert answers == ["together"] * 8


def test_closing_ends_connections_that_clients_keep_alive() -> None:
    """After `with`, nothing listens and no request is served, though the client kept its connection."""
    with SimulatedServer({"dice": dice}) as server:
        connection = http.client.HTTPConnection(urlsplit(server.base_url).netloc)
        connection.request("GET", "/simulated/v1/models")
        connection.getresponse().read()

    def ask_again() -> None:
        connection.request("GET", "/simulated/v1/models")
        connection.getresponse()

    with pytest.raises((ConnectionError, http.client.BadStatusLine)):
        ask_again()
    connection.close()
