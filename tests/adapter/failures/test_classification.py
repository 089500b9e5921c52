"""The border between the world's failures, which are tried again, and the candidate's, which score 0."""

from __future__ import annotations

import errno
import os
import socket
import ssl
import sysconfig
from collections.abc import Callable
from typing import Any

import httpx
import openai
import pytest
import requests
from langchain_core import exceptions
from langchain_core.exceptions import OutputParserException
from langchain_openai import ChatOpenAI
from langgraph.errors import GraphRecursionError, InvalidUpdateError
from pydantic import BaseModel

from langgraph_gepa.adapter.failures.broken_replies import NoAnswerError
from langgraph_gepa.adapter.failures.classification import (
    FailureContext,
    classify,
    is_lasting,
    is_overflow,
    is_overload,
    is_pressure,
    is_world_failure,
    missing_key,
)
from langgraph_gepa.adapter.failures.diagnosis import diagnosis, retry_after, trouble, unreachable_address
from langgraph_gepa.demo.server import Answer, ApiError, SimulatedServer
from langgraph_gepa.errors import WorldFailure

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


def test_what_the_users_code_calls_the_worlds_is() -> None:
    """`WorldFailure` and its subclasses, whatever they wrap or are wrapped in; only a bad key in them still lasts."""

    class NoVerdictError(WorldFailure):
        """A word of the user's own."""

    def wrapping(cause: BaseException) -> BaseException:
        error = NoVerdictError("no verdict")
        error.__cause__ = cause
        return error

    outer = RuntimeError("the metric failed")
    outer.__cause__ = WorldFailure("busy")
    for error in (outer, wrapping(provider_error(400)), ExceptionGroup("all", [KeyError("x"), WorldFailure("busy")])):
        assert (classify(error), is_lasting(error)) == ("world", False)
    assert is_lasting(wrapping(provider_error(401)))


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
    """Retry-After comes in seconds, in milliseconds or as a date; `WorldFailure` has the seconds."""
    assert retry_after(WorldFailure("busy", retry_after=2.5)) == 2.5
    assert retry_after(WorldFailure("busy")) is None
    assert retry_after(RuntimeError(), now=0) is None
    assert retry_after(http_status(429, **headers), now=1445412480) == seconds


def in_library(error: BaseException) -> BaseException:
    """`error`, raised by the code of an installed package."""
    spaces: dict[str, Any] = {}
    file = f"{sysconfig.get_path('purelib')}/search/client.py"
    exec(compile("def fail(error):\n    raise error", file, "exec"), spaces)  # noqa: S102 - a frame in site-packages
    return raised(lambda: spaces["fail"](error))


def of_library(name: str, words: str) -> BaseException:
    """An exception of a class that no list of ours knows."""
    return type(name, (Exception,), {"__module__": "search.exceptions"})(words)


@pytest.mark.parametrize(
    ("error", "pressure"),
    [
        (of_library("RatelimitException", "https://html.duckduckgo.com/html 202 Ratelimit"), True),
        (of_library("UsageLimitExceededError", "Your request has been blocked."), True),
        (of_library("QuotaExceeded", ""), True),
        (of_library("TooManyRequestsError", ""), True),
        (of_library("HTTPTimeoutError", "Searching for cats resulted in a timeout."), False),
        (of_library("SearchTimeout", ""), False),
        (of_library("ServiceConnectionError", ""), False),
        (of_library("SearchException", "https://lite.duckduckgo.com/lite/ 202 Ratelimit"), True),
        (of_library("ApiException", "Request failed with status code 429: {}"), True),
        (of_library("ApiException", "502 Bad Gateway"), False),
        (in_library(ValueError("Error code 503: the index is warming up")), True),
        (in_library(Exception("You exceeded your current quota")), True),
        (in_library(RuntimeError("Connection refused by the index")), False),
        (of_library("DDGSException", "DNSError: error sending request for url (https://search.example/)"), False),
        (ValueError({"message": "upstream overloaded", "code": 502}), False),
        (ValueError({"error": {"message": "slow down", "code": "429"}}), True),
    ],
    ids=repr,
)  # fmt: skip
def test_a_service_is_known_by_what_its_exceptions_are_called_and_say(error: BaseException, pressure: bool) -> None:
    """Search tools have exceptions of their own, without a status: rate limits, quotas and time-outs all the same."""
    assert is_world_failure(error)
    assert is_pressure(error) is pressure
    assert not is_lasting(error)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("the rate limit of this customer is 5 a day"),
        raised(lambda: int("HTTP 429")),
        of_library("SearchException", "No results found."),
        of_library("ToolCallLimitExceededError", "3 calls at most"),
        of_library("OrderError", "error: order 512 does not exist"),
        of_library("NodeTimeoutError", "Node 'a' exceeded its run timeout"),
        of_library("ContextOverflowError", "the server cannot take that much"),
        in_library(KeyError("timeouts")),
        in_library(ValueError({"message": "too long", "code": 400})),
    ],
    ids=repr,
)  # fmt: skip
def test_other_failures_are_the_candidates_whatever_words_are_in_them(error: BaseException) -> None:
    """A node's own errors may quote anything; limits of the graph's own are no limits of a service."""
    assert not is_world_failure(error)


def test_what_an_error_quotes_of_a_model_is_no_evidence() -> None:
    """A parser's exception says what it could not parse: a model's answer about rate limits."""
    error = of_library("ParsingError", "no such category: Rate limit exceeded")
    assert classify(error) == "either"
    assert classify(error, FailureContext(texts=['{"content": "rate limit exceeded"}'])) == "candidate"


@pytest.mark.parametrize(
    "make",
    [
        lambda: os.environ["SEARCH_INDEX"],
        lambda: of_library("MissingAPIKeyError", "Set the SEARCH_API_KEY environment variable."),
        lambda: ValueError("Did not find search_api_key, please add an environment variable `SEARCH_API_KEY`"),
        lambda: in_library(RuntimeError("SEARCH_TOKEN is not set")),
    ],
)
def test_a_missing_key_is_named_and_lasts(make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever misses it and whatever that is called: it is the world's, without doubt, as long as it is not set."""
    error = raised(lambda: throw(make()))
    name = missing_key(error)
    assert name is not None
    assert name.startswith("SEARCH_")
    assert (classify(error), is_lasting(error)) == ("world", True)
    assert diagnosis(error).startswith(f"the environment variable {name} is not set (")
    monkeypatch.setenv(name, "k")
    assert missing_key(error) is None


def throw(error: Any) -> None:
    raise error


@pytest.mark.parametrize(
    "error",
    [
        KeyError("PARTY_API_KEY"),
        raised(lambda: exec("import os; os.environ['PARTY_API_KEY']")),  # noqa: S102 - as a graph runs what a model wrote
        of_library("InvalidToken", "unexpected token"),
    ],
    ids=repr,
)
def test_a_key_that_is_no_setting_is_the_candidates(error: BaseException) -> None:
    """A mapping's key, what a model's program looks for, a token of a grammar."""
    assert classify(error) == "candidate"


def test_a_wrong_key_is_not_waited_for() -> None:
    """Without the name of a variable it is the service's own words that say so."""
    for error in (of_library("InvalidAPIKeyError", "Unauthorized"), of_library("ApiException", "Invalid API key")):
        assert (classify(error), is_lasting(error)) == ("world", True)


def test_tls_is_called_tls() -> None:
    """Not a service that is down, nor one that is not there; a certificate nobody trusts stays one."""
    untrusted = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")
    request = httpx.Request("POST", "https://models.example:8443/v1/chat?key=k")
    wrapped = httpx.ConnectError(str(untrusted), request=request)
    wrapped.__cause__ = untrusted
    for error in (untrusted, wrapped, requests.exceptions.SSLError(untrusted)):
        assert is_world_failure(error)
        assert (is_lasting(error), unreachable_address(error)) == (True, None)
        assert trouble(error).startswith("cannot be reached over TLS (")
    assert diagnosis(wrapped).startswith("TLS failed at https://models.example:8443 (SSLCertVerificationError: ")


ANSWER_503 = httpx.Response(503, request=httpx.Request("POST", "https://models.example/v1/chat"))


@pytest.mark.parametrize(
    ("error", "overload"),
    [
        (provider_error(503), True),
        (http_status(529), True),
        (openai.APIStatusError("Slow Down: reduce your request rate", response=ANSWER_503, body=None), False),
        (http_status(429), False),
        (http_status(500), False),
    ],
    ids=repr,
)
def test_an_overload_is_no_rate_limit(error: BaseException, overload: bool) -> None:
    """A service that has too much to do may have it from others; one that asks to slow down means us."""
    assert is_overload(error) is overload


@pytest.mark.parametrize(
    ("error", "matter"),
    [
        (http_status(429), "limits the rate of calls (HTTP 429)"),
        (of_library("RatelimitException", ""), "limits the rate of calls (RatelimitException)"),
        (http_status(503), "is overloaded (HTTP 503)"),
        (http_status(500), "is down (HTTP 500)"),
        (httpx.ConnectError("no"), "is down (ConnectError)"),
        (NoAnswerError("empty"), "gives answers that cannot be read (NoAnswerError)"),
    ],
    ids=repr,
)
def test_what_is_the_matter_is_called_by_its_name(error: BaseException, matter: str) -> None:
    """A rate limit is not called an outage."""
    assert trouble(error) == matter


@pytest.mark.parametrize(
    "error",
    [
        provider_error(400, "context_length_exceeded"),
        getattr(exceptions, "ContextOverflowError", OverflowError)("prompt is too long"),
        of_library("BadRequestError", "prompt is too long: 210000 tokens > 200000 maximum"),
        of_library("ClientError", "The input token count (1048577) exceeds the maximum number of tokens allowed."),
        of_library("ValidationException", "Input is too long for requested model."),
        of_library("SDKError", "Prompt contains 40000 tokens, too large for model with 32768 maximum context length"),
        in_library(ValueError("the request exceeds the available context size, try increasing it")),
    ],
    ids=repr,
)
def test_a_prompt_that_is_too_long_is_known_in_the_words_of_each_provider(error: BaseException) -> None:
    """By class, by code or by what it says."""
    assert is_overflow(error)


@pytest.mark.parametrize(
    "error",
    [http_status(429), provider_error(401), of_library("E", "max_tokens is too large"), of_library("E", "timeout"),
     of_library("E", "Requests have exceeded token rate limit of your current pricing tier")],
    ids=repr,
)  # fmt: skip
def test_other_refusals_are_no_overflow(error: BaseException) -> None:
    """A rate limit in tokens is waited out, not shortened for."""
    assert not is_overflow(error)
