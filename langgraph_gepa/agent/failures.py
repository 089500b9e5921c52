"""The border between failures of the world, which are never scored, and failures of the candidate, which are."""

from __future__ import annotations

import email.utils
import errno
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from langgraph_gepa.engine.plain import plain

Border = Callable[[BaseException], bool]
"""Whether a failure is the world's: tried again, and never scored."""

WORLD_STATUS = frozenset({401, 407, 408, 425, 429})
"""HTTP answers below 500 that no prompt can cause, whoever gave them."""

PROVIDER_STATUS = frozenset({402, 403, 404, 409})
"""The same from a model's provider (no credit, no access, no such model). From a tool's server
they may be the candidate's fault: an order that does not exist, a card that was declined."""

LASTING_STATUS = frozenset({401, 402, 403, 404, 407})
"""Waiting does not mend these: keys, credit, access, names."""

PROVIDERS = frozenset({
    "anthropic", "azure", "botocore", "cerebras", "cohere", "fireworks", "google", "groq", "huggingface_hub", "ibm",
    "mistralai", "ollama", "openai", "together", "xai_sdk",
})  # fmt: skip
"""Packages whose exceptions come from a model's provider; `langchain_*` are too."""

WORLD_NAMES = frozenset({
    "APIConnectionError", "APITimeoutError", "AuthenticationError", "ClientConnectionError", "ConnectTimeout",
    "ConnectionClosedError", "ConnectTimeoutError", "DeadlineExceeded", "DefaultCredentialsError",
    "EndpointConnectionError", "IncompleteRead", "InternalServerError", "MaxRetryError", "ModelAPIError",
    "ModelAuthenticationError", "ModelConnectionError", "ModelNotFoundError", "ModelNotReadyException",
    "ModelPermissionDeniedError", "ModelRateLimitError", "ModelTimeoutError", "NewConnectionError",
    "NoCredentialsError", "OverloadedError", "RateLimitError", "ReadTimeoutError", "RemoteDisconnected",
    "ResourceExhausted", "ServerDisconnectedError", "ServerTimeoutError", "ServiceUnavailable",
    "ServiceUnavailableError", "ThrottlingException", "TimeoutException", "TooManyRequests", "TransportError",
})  # fmt: skip
"""What providers and HTTP libraries call failures of the world, for those that carry no status."""

CANDIDATE_NAMES = frozenset({"InvalidURL", "UnsupportedProtocol", "LocalProtocolError", "TooManyRedirects"})
"""Subclasses of the above that a bad address causes: the candidate wrote it."""

PRESSURE_STATUS = frozenset({429, 503, 529})

PRESSURE_NAMES = frozenset({
    "ModelRateLimitError", "OverloadedError", "RateLimitError", "ResourceExhausted", "ServiceUnavailable",
    "ServiceUnavailableError", "ThrottlingException", "TooManyRequests",
})  # fmt: skip

LASTING_NAMES = frozenset({
    "AuthenticationError", "DefaultCredentialsError", "ModelAuthenticationError", "ModelNotFoundError",
    "ModelPermissionDeniedError", "NoCredentialsError",
})  # fmt: skip

WORLD_OS_NAMES = frozenset({"ConnectionError", "SSLError", "Timeout", "URLError", "gaierror", "herror"})
"""Kinds of `OSError` that are about the network: of the standard library and of requests."""

MACHINE_ERRNO = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EROFS})

WORLD_ERRNO = MACHINE_ERRNO | frozenset({
    errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ETIMEDOUT,
})  # fmt: skip


ABSENT_NAMES = frozenset({
    "ClientConnectorError", "ConnectError", "ConnectionRefusedError", "EndpointConnectionError", "NewConnectionError",
    "gaierror",
})  # fmt: skip
"""Nothing is there to answer: the connection is refused, or the name is nobody's."""


def words(error: BaseException) -> str:
    """An exception as one readable sentence: its kind and what it says."""
    text = plain(str(error)).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def is_world_failure(error: BaseException) -> bool:
    """Whether `error` says nothing about the candidate: rate limit, connection, 5xx, provider time-out, credentials.

    Looks through what raised it (`__cause__`, `__context__`) and into exception groups. An
    HTTP status decides before a name. Told by status and class names, so that providers whose
    packages are not installed are known too.
    """
    return any(_is_world(one) for one in chain(error))


def is_doubtful(error: BaseException, heard: Collection[BaseException]) -> bool:
    """Whether a failure of the world may be the candidate's or the example's all the same.

    A page that is never served, a query that takes the search too long: what the graph or the metric called
    itself failed, and not its model (`heard` are the exceptions that ended model calls) nor this machine.
    """
    return not any(
        _is_world(one) and (_by_provider(one) or _is_machines(one) or any(one is other for other in heard))
        for one in chain(error)
    )


def absent(error: BaseException) -> str | None:
    """Where nothing answered, as `http://host:port`, for a connection that was refused; else `None`."""
    found = list(chain(error))
    if not any(kind.__name__ in ABSENT_NAMES for one in found for kind in type(one).__mro__):
        return None
    return next(filter(None, map(_address, found)), "the address")


def told(error: BaseException) -> str:
    """A failure of the world for whoever has to mend it: as `words`, with where nothing answered and what to check."""
    where = absent(error)
    if where is None:
        return words(error).rstrip(".")
    return (
        f"nothing answers at {where} ({words(error).rstrip('.')}). "
        "Check that it runs, and its address (the model's base_url, the environment variable for it)"
    )


def is_lasting(error: BaseException) -> bool:
    """Whether a failure of the world will not go away by waiting: bad key, no credit, no such model."""
    return any(_is_world(one) and _is_lasting(one) for one in chain(error))


def is_pressure(error: BaseException) -> bool:
    """Whether the provider asks for fewer calls at once: rate limited, overloaded."""
    return any(_is_world(one) and _is_pressure(one) for one in chain(error)) and not is_lasting(error)


def retry_after(error: BaseException, now: float | None = None) -> float | None:
    """The seconds the provider asked us to wait (`Retry-After`, `retry-after-ms`), `None` when it did not say.

    `now` is the time as seconds since the epoch, for answers that name a date.
    """
    for one in chain(error):
        headers = getattr(getattr(one, "response", None), "headers", None)
        if not isinstance(headers, Mapping):
            continue
        if (soon := _number(headers.get("retry-after-ms"))) is not None:
            return max(0.0, soon / 1000)
        said = headers.get("retry-after")
        if (seconds := _number(said)) is not None:
            return max(0.0, seconds)
        date = email.utils.parsedate_tz(said) if isinstance(said, str) else None
        if date is not None:
            return max(0.0, email.utils.mktime_tz(date) - (time.time() if now is None else now))
    return None


def _is_world(error: BaseException) -> bool:
    names = {kind.__name__ for kind in type(error).__mro__}
    status = _status(error)
    if status is not None:
        return status >= 500 or status in WORLD_STATUS or (status in PROVIDER_STATUS and _by_provider(error))
    if names & CANDIDATE_NAMES:
        return False
    if names & WORLD_NAMES or isinstance(error, ConnectionError | TimeoutError | MemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno in WORLD_ERRNO or bool(names & WORLD_OS_NAMES)
    return _no_key(error) or _of_another_loop(error)


def _is_lasting(error: BaseException) -> bool:
    status = _status(error)
    if status is not None:
        return status in LASTING_STATUS or getattr(error, "code", None) == "insufficient_quota"
    return bool({kind.__name__ for kind in type(error).__mro__} & LASTING_NAMES) or _no_key(error)


def _is_pressure(error: BaseException) -> bool:
    status = _status(error)
    if status is not None:
        return status in PRESSURE_STATUS
    return bool({kind.__name__ for kind in type(error).__mro__} & PRESSURE_NAMES)


def _no_key(error: BaseException) -> bool:
    """The openai client without a key raises its root class, which has neither status nor name to go by."""
    return type(error).__name__ == "OpenAIError" and "api_key" in str(error)


def _of_another_loop(error: BaseException) -> bool:
    """A connection that the user's own event loop opened and a pool kept: the failure makes the pool drop it."""
    said = str(error) if type(error) is RuntimeError else ""
    return said == "Event loop is closed" or said.endswith("is bound to a different event loop")


def _is_machines(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in MACHINE_ERRNO)


def _address(error: BaseException) -> str | None:
    """Scheme, host and port of what was asked, without path, query and credentials."""
    try:
        url = urlsplit(str(getattr(getattr(error, "request", None), "url", "")))
        host, port = url.hostname, url.port
    except (RuntimeError, ValueError):  # httpx, where no request was set; a port that is none
        return None
    if not host:
        return None
    return f"{url.scheme}://{host}" + (f":{port}" if port else "")


def _by_provider(error: BaseException) -> bool:
    packages = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return any(package in PROVIDERS or package.startswith("langchain_") for package in packages)


def _status(error: BaseException) -> int | None:
    """The HTTP status an exception carries, wherever its library keeps it."""
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):  # botocore
        metadata = response.get("ResponseMetadata")
        found = metadata.get("HTTPStatusCode") if isinstance(metadata, Mapping) else None
        name = response.get("Error", {}).get("Code") if isinstance(response.get("Error"), Mapping) else None
        return 429 if name in WORLD_NAMES else _as_status(found)
    candidates: list[Any] = [getattr(error, name, None) for name in ("status_code", "status", "code", "http_status")]
    candidates += [getattr(response, name, None) for name in ("status_code", "status")]
    return next((found for found in map(_as_status, candidates) if found is not None), None)


def _as_status(value: Any) -> int | None:
    return int(value) if isinstance(value, int) and 400 <= value < 600 else None


def _number(text: Any) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was raised from or while handling, and the members of groups; each once."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, BaseExceptionGroup):
            waiting.extend(one.exceptions)
        waiting.append(one.__cause__ if one.__cause__ or one.__suppress_context__ else one.__context__)
