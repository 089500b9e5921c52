"""The border between the world's failures, which are tried again, and the candidate's, which score 0."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest
from langchain_core import exceptions
from langchain_core.exceptions import OutputParserException
from langchain_openai import ChatOpenAI
from langgraph.errors import GraphRecursionError, InvalidUpdateError
from pydantic import BaseModel

from langgraph_gepa.agent.failures import is_lasting, is_world_failure, retry_after
from langgraph_gepa.demo.server import Answer, ApiError, SimulatedServer

URL = "http://127.0.0.1/"


def provider_error(status: int, code: str | None = None) -> BaseException:
    """What a real ChatOpenAI raises when the server answers with `status`."""

    def refuse(*_: Any) -> Answer:
        raise ApiError(status, "no", code=code)

    with SimulatedServer({"m": refuse}) as server:
        model = ChatOpenAI(model="m", base_url=server.base_url, api_key="k", max_retries=0)
        with pytest.raises(openai.APIStatusError) as caught:
            model.invoke("hi")
    return caught.value


def refused() -> BaseException:
    """What a real ChatOpenAI raises when nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(openai.APIConnectionError) as caught:
        ChatOpenAI(model="m", base_url=f"http://127.0.0.1:{port}", api_key="k", max_retries=0).invoke("hi")
    return caught.value


def http_status(status: int, **headers: str) -> httpx.HTTPStatusError:
    request = httpx.Request("GET", URL)
    return httpx.HTTPStatusError(
        "no", request=request, response=httpx.Response(status, headers=headers, request=request)
    )


def raised(make: Callable[[], Any]) -> BaseException:
    try:
        make()
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is the case
        return error
    raise AssertionError("nothing was raised")


class Shape(BaseModel):
    n: int


@pytest.mark.parametrize("status", [401, 402, 403, 404, 408, 409, 429, 500, 502, 503, 529])
def test_a_providers_refusal_is_the_worlds(status: int) -> None:
    """No prompt causes a rate limit, an outage, a bad key or a model that does not exist."""
    assert is_world_failure(provider_error(status))


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_request_the_provider_cannot_take_is_the_candidates(status: int) -> None:
    """A prompt can be too long or refused by a filter."""
    assert not is_world_failure(provider_error(status))


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("no"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("cut"),
        http_status(429),
        http_status(503),
        http_status(401),
        getattr(exceptions, "ModelRateLimitError", ConnectionError)("slow down"),  # which older versions do not have
        ConnectionResetError(),
        TimeoutError(),
        socket.gaierror(-2, "no such host"),
        OSError(errno.ENOSPC, "disk full"),
        OSError(errno.EMFILE, "too many open files"),
        ExceptionGroup("both", [ValueError(), http_status(500)]),
    ],
    ids=repr,
)
def test_connections_and_outages_are_the_worlds(error: BaseException) -> None:
    """Whoever raises them: a tool's own HTTP client as well as the model's."""
    assert is_world_failure(error)


@pytest.mark.parametrize(
    "error",
    [
        GraphRecursionError("25 steps"),
        InvalidUpdateError("two writes"),
        OutputParserException("no JSON"),
        raised(lambda: Shape(n="x")),
        http_status(404),
        http_status(403),
        http_status(409),
        http_status(400),
        httpx.UnsupportedProtocol("gopher"),
        httpx.InvalidURL("no"),
        FileNotFoundError(errno.ENOENT, "no such file"),
        PermissionError(errno.EACCES, "not yours"),
        KeyError("answer"),
        RuntimeError("Connection error."),
        ExceptionGroup("both", [ValueError(), KeyError()]),
    ],
    ids=repr,
)
def test_what_the_graph_does_wrong_is_the_candidates(error: BaseException) -> None:
    """Loops, bad outputs, bad addresses and missing things follow from what the model said."""
    assert not is_world_failure(error)


def test_a_refused_connection_is_the_worlds() -> None:
    """A provider that is down says nothing about the prompt."""
    assert is_world_failure(refused())


def test_a_missing_key_is_the_worlds_and_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that makes its own client without a key fails for the user, not for the candidate."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    error = raised(openai.OpenAI)
    assert is_world_failure(error)
    assert is_lasting(error)


def test_wrapping_hides_nothing() -> None:
    """A node that turns a rate limit into its own exception still failed by the rate limit."""

    def explicit() -> None:
        raise RuntimeError("the planner failed") from http_status(429)

    def implicit() -> None:
        try:
            raise http_status(429)
        except httpx.HTTPStatusError:
            raise KeyError("plan")  # noqa: B904 - this is the case

    def disowned() -> None:
        try:
            raise http_status(429)
        except httpx.HTTPStatusError:
            raise KeyError("plan") from None

    assert is_world_failure(raised(explicit))
    assert is_world_failure(raised(implicit))
    assert not is_world_failure(raised(disowned))


def test_a_chain_that_loops_ends() -> None:
    """Exceptions can refer to each other in a circle."""
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert not is_world_failure(first)


@pytest.mark.parametrize(
    ("status", "code", "lasts"),
    [(401, None, True), (404, "model_not_found", True), (429, "insufficient_quota", True), (429, None, False),
     (503, None, False)],
)  # fmt: skip
def test_what_waiting_mends_is_told_from_what_lasts(status: int, code: str | None, lasts: bool) -> None:
    """A bad key or an empty account is not worth waiting for."""
    assert is_lasting(provider_error(status, code)) is lasts


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:30 GMT"}, 30.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_the_wait_asked_for_is_read(headers: dict[str, str], seconds: float | None) -> None:
    """Retry-After comes in seconds, in milliseconds or as a date."""
    assert retry_after(RuntimeError(), now=0) is None
    assert retry_after(http_status(429, **headers), now=1445412480) == seconds
