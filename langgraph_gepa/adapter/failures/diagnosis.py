"""What a failure of the world means for whoever has to fix it, and how long its provider asks to wait."""

from __future__ import annotations

import email.utils
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from langgraph_gepa.adapter.failures.broken_replies import is_unreadable
from langgraph_gepa.adapter.failures.causes import PRESSURE_STATUS, chain, kinds, status_of
from langgraph_gepa.adapter.failures.classification import is_evident, is_pressure, missing_key, words
from langgraph_gepa.errors import WorldFailure

ABSENT_KINDS = frozenset({
    "client connector error", "connect error", "endpoint connection error", "new connection error",
})  # fmt: skip
"""Nothing is there to answer: the connection is refused, or the name is nobody's."""


TLS_KINDS = frozenset({"ssl error", "client connector ssl error", "client connector certificate error"})


def is_garbled(error: BaseException) -> bool:
    """Whether a failure of the world is that something answers and cannot be understood."""
    return is_no_answer(error) or is_tls(error)


def is_no_answer(error: BaseException) -> bool:
    """Whether a failure of the world is an answer that could not be read, and nothing else."""
    found = list(chain(error))
    return any(is_unreadable(one, in_model_call=True) for one in found) and not any(map(is_evident, found))


def is_tls(error: BaseException) -> bool:
    """Whether no secure connection could be made."""
    return _tls(error) is not None


def absent(error: BaseException) -> str | None:
    """Where nothing answered, as `http://host:port`, for a connection that was refused; else `None`."""
    found = list(chain(error))
    refused = (isinstance(one, ConnectionRefusedError | socket.gaierror) or kinds(one) & ABSENT_KINDS for one in found)
    return _address(error) or "the address" if any(refused) and not is_tls(error) else None


def trouble(error: BaseException) -> str:
    """What is the matter with a service that fails so, as a predicate: `is down (ConnectError)`."""
    status = next(filter(None, map(status_of, chain(error))), None)
    what = f"HTTP {status}" if status else type(error).__name__
    if (cause := _tls(error)) is not None:
        return f"cannot be reached over TLS ({words(cause).rstrip('.')})"
    if is_pressure(error):
        return f"is overloaded ({what})" if status in PRESSURE_STATUS - {429} else f"limits the rate of calls ({what})"
    return f"gives answers that cannot be read ({what})" if is_no_answer(error) else f"is down ({what})"


def diagnosis(error: BaseException) -> str:
    """A failure of the world for whoever has to fix it: as `words`, with what it means and what to check."""
    text = words(error).rstrip(".")
    if (key := missing_key(error)) is not None:
        return f"the environment variable {key} is not set ({text}). Set it"
    if (cause := _tls(error)) is not None:
        where = _address(error)
        return (
            f"TLS failed{f' at {where}' if where else ''} ({words(cause).rstrip('.')}). Check the server's certificate "
            "and address, and which certificates this machine trusts (the environment variable SSL_CERT_FILE)"
        )
    if (where := absent(error)) is not None:
        return (
            f"nothing answers at {where} ({text}). "
            "Check that it runs, and its address (the model's base_url, the environment variable for it)"
        )
    if is_pressure(error):
        return f"a service {trouble(error)}: {text}"
    return text


def retry_after(error: BaseException, now: float | None = None) -> float | None:
    """Returns the seconds to wait that a `WorldFailure` or the provider (`Retry-After`, `retry-after-ms`) asks for.

    `None` where neither asks for any. `now` is the time as seconds since the epoch, for answers that name a date.
    """
    for one in chain(error):
        if isinstance(one, WorldFailure) and one.retry_after is not None:
            return max(0.0, one.retry_after)
        headers = getattr(getattr(one, "response", None), "headers", None)
        if not isinstance(headers, Mapping):
            continue
        if (soon := _number(headers.get("retry-after-ms"))) is not None:
            return max(0.0, soon / 1000)
        wanted = headers.get("retry-after")
        if (seconds := _number(wanted)) is not None:
            return max(0.0, seconds)
        date = email.utils.parsedate_tz(wanted) if isinstance(wanted, str) else None
        if date is not None:
            return max(0.0, email.utils.mktime_tz(date) - (time.time() if now is None else now))
    return None


def _tls(error: BaseException) -> BaseException | None:
    """What says why no secure connection could be made: the cause rather than what wraps it."""
    found = [one for one in chain(error) if isinstance(one, ssl.SSLError) or kinds(one) & TLS_KINDS]
    found += [one for one in chain(error) if "[SSL:" in str(one)]
    return next((one for one in found if isinstance(one, ssl.SSLError)), next(iter(found), None))


def _address(error: BaseException) -> str | None:
    """Scheme, host and port of what was wanted, without path, query and credentials."""
    return next(filter(None, map(_url_of, chain(error))), None)


def _url_of(error: BaseException) -> str | None:
    try:
        url = urlsplit(str(getattr(getattr(error, "request", None), "url", "")))
        host, port = url.hostname, url.port
    except (RuntimeError, ValueError):  # httpx, where no request was set; a port that is none
        return None
    if not host:
        return None
    return f"{url.scheme}://{host}" + (f":{port}" if port else "")


def _number(text: Any) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None
