"""Explains a failure of the world: what it means, what to check, and how long to wait before the next try."""

from __future__ import annotations

import email.utils
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from langgraph_gepa.adapter.failures.broken_replies import is_unreadable
from langgraph_gepa.adapter.failures.causes import OVERLOAD_STATUS, chain, class_names, status_of
from langgraph_gepa.adapter.failures.classification import (
    error_text,
    indicates_world,
    is_lasting,
    is_pressure,
    missing_key,
)
from langgraph_gepa.adapter.failures.reported import Findings, findings_of
from langgraph_gepa.errors import WorldFailure

UNREACHABLE_CLASSES = frozenset({
    "client connector error", "connect error", "endpoint connection error", "new connection error",
})  # fmt: skip
"""Classes for a connection that is refused, or a host name that does not exist."""

TLS_CLASSES = frozenset({"ssl error", "client connector ssl error", "client connector certificate error"})


def is_garbled(error: BaseException) -> bool:
    """Whether a failure of the world is an answer that cannot be understood, in HTTP or in TLS."""
    if (known := findings_of(error)) is not None:
        return known.is_garbled
    return is_no_answer(error) or is_tls(error)


def is_no_answer(error: BaseException) -> bool:
    """Whether a failure of the world is only an answer that could not be read."""
    errors = list(chain(error))
    return any(is_unreadable(one, in_model_call=True) for one in errors) and not any(map(indicates_world, errors))


def is_tls(error: BaseException) -> bool:
    """Whether no secure connection could be made."""
    return _tls_cause(error) is not None


def unreachable_address(error: BaseException) -> str | None:
    """Returns where nothing answered, as `http://host:port`, if the connection was refused; else `None`."""
    if (known := findings_of(error)) is not None:
        return known.unreachable_address
    refused = any(
        isinstance(one, ConnectionRefusedError | socket.gaierror) or class_names(one) & UNREACHABLE_CLASSES
        for one in chain(error)
    )
    return (_address(error) or "the address") if refused and not is_tls(error) else None


def trouble(error: BaseException) -> str:
    """Describes the service that a failure is due to, as a predicate: `is down (ConnectError)`."""
    if (known := findings_of(error)) is not None:
        return known.trouble
    status = next(filter(None, map(status_of, chain(error))), None)
    what = f"HTTP {status}" if status else type(error).__name__
    if (cause := _tls_cause(error)) is not None:
        return f"cannot be reached over TLS ({error_text(cause).rstrip('.')})"
    if is_pressure(error):
        return f"is overloaded ({what})" if status in OVERLOAD_STATUS else f"limits the rate of calls ({what})"
    return f"gives answers that cannot be read ({what})" if is_no_answer(error) else f"is down ({what})"


def diagnosis(error: BaseException) -> str:
    """Describes a failure of the world to the person who has to fix it: its text, its meaning and what to check."""
    if (known := findings_of(error)) is not None:
        return known.diagnosis
    text = error_text(error).rstrip(".")
    if (key := missing_key(error)) is not None:
        return f"the environment variable {key} is not set ({text}). Set it"
    if (cause := _tls_cause(error)) is not None:
        at = f" at {address}" if (address := _address(error)) else ""
        return (
            f"TLS failed{at} ({error_text(cause).rstrip('.')}). Check the server's certificate and address, "
            "and which certificates this machine trusts (the environment variable SSL_CERT_FILE)"
        )
    if (where := unreachable_address(error)) is not None:
        return (
            f"nothing answers at {where} ({text}). "
            "Check that it runs, and its address (the model's base_url, the environment variable for it)"
        )
    if is_pressure(error):
        return f"a service {trouble(error)}: {text}"
    return text


def findings(error: BaseException) -> Findings:
    """Returns all that is found out about a failure of the world, for another process to act on."""
    return Findings(
        error_text(error),
        trouble(error),
        diagnosis(error),
        is_lasting(error),
        is_pressure(error),
        is_garbled(error),
        retry_after(error),
        unreachable_address(error),
    )


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


def _tls_cause(error: BaseException) -> BaseException | None:
    """The exception that says why no secure connection could be made, rather than one that wraps it."""
    found = [one for one in chain(error) if isinstance(one, ssl.SSLError) or class_names(one) & TLS_CLASSES]
    found += [one for one in chain(error) if "[SSL:" in str(one)]
    return next((one for one in found if isinstance(one, ssl.SSLError)), next(iter(found), None))


def _address(error: BaseException) -> str | None:
    """Scheme, host and port of the request, without path, query and credentials."""
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
