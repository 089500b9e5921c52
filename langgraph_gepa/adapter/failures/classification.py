"""The border between failures of the world, which are never scored, and failures of the candidate, which are."""

from __future__ import annotations

import email.utils
import errno
import http.client
import socket
import ssl
import time
import urllib.error
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from langgraph_gepa.adapter.failures import causes
from langgraph_gepa.adapter.failures.broken_replies import NoAnswerError, is_unreadable
from langgraph_gepa.adapter.failures.causes import PRESSURE_STATUS, chain, kinds, speaks, status_of
from langgraph_gepa.core.json_data import plain

Border = Callable[[BaseException], bool]
"""Whether a failure is the world's: tried again, and never scored."""

Verdict = Literal["world", "doubt", "candidate"]
"""Whose failure it was. In doubt it may be the candidate's or the example's as well as the world's."""

WORLD_STATUS = frozenset({401, 407, 408, 425, 429})
"""HTTP answers below 500 that no prompt can cause, whoever gave them."""

PROVIDER_STATUS = frozenset({402, 403, 404, 409})
"""The same from a model's provider (no credit, no access, no such model). From a tool's server
they may be the candidate's fault: an order that does not exist, a card that was declined."""

LASTING_STATUS = frozenset({401, 402, 403, 404, 407})
"""Waiting does not help: keys, credit, access, names."""

PROVIDERS = frozenset({
    "anthropic", "azure", "botocore", "cerebras", "cohere", "fireworks", "google", "groq", "huggingface_hub", "ibm",
    "mistralai", "ollama", "openai", "together", "xai_sdk",
})  # fmt: skip
"""Packages whose exceptions come from a model's provider; `langchain_*` are too."""

NETWORK = (
    ConnectionError, TimeoutError, http.client.IncompleteRead, http.client.BadStatusLine, socket.gaierror,
    socket.herror, ssl.SSLError,
)  # fmt: skip
"""What the standard library raises when the network fails."""

MACHINE_ERRNO = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EROFS})

WORLD_ERRNO = MACHINE_ERRNO | frozenset({
    errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ETIMEDOUT,
})  # fmt: skip

ABSENT_KINDS = frozenset({
    "client connector error", "connect error", "endpoint connection error", "new connection error",
})  # fmt: skip
"""Nothing is there to answer: the connection is refused, or the name is nobody's."""

TLS_KINDS = frozenset({"ssl error", "client connector ssl error", "client connector certificate error"})


@dataclass(frozen=True, slots=True)
class Witnessed:
    """What was seen of a rollout that failed: the exceptions that ended model calls, and the texts of its example
    and its models. What an error quotes of these is no evidence."""

    model_failures: Collection[BaseException] = ()
    texts: Collection[str] = ()

    def ended_model_call(self, error: BaseException) -> bool:
        return any(error is other for other in self.model_failures)

    def quoted(self, phrase: str) -> bool:
        return any(phrase.lower() in text.lower() for text in self.texts)


NOTHING = Witnessed()


def words(error: BaseException) -> str:
    """An exception as one readable sentence: its kind and what it says."""
    text = plain(str(error)).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def is_world_failure(error: BaseException) -> bool:
    """Whether `error` says nothing about the candidate: rate limit, connection, 5xx, time-out, no answer, no key.

    Looks through what raised it (`__cause__`, `__context__`) and into exception groups. An HTTP status decides
    before the names of classes, and these before what a library's exception says in words.
    """
    return verdict(error) != "candidate"


def verdict(error: BaseException, seen: Witnessed = NOTHING) -> Verdict:
    """Whose failure `error` was.

    It is the world's without doubt when a model's call, its provider, this machine or a missing key is the reason.
    A page that is never served or a query that takes the search too long may be the candidate's, and an answer that
    cannot be read may be the poison of one example.
    """
    if missing_key(error, seen) is not None:
        return "world"
    found = [one for one in chain(error) if _is_evident(one, seen)]
    if any(_is_sure(one, seen) for one in found):
        return "world"
    unreadable = any(is_unreadable(one, in_model_call=seen.ended_model_call(one)) for one in chain(error))
    return "doubt" if found or unreadable else "candidate"


def of_the_world(error: Exception) -> Exception:
    """A failure of the world as an exception that tells by itself that it is one, whatever was witnessed."""
    if is_world_failure(error):
        return error
    wrapped = NoAnswerError(f"the answer of a model could not be read ({words(error)})")
    wrapped.__cause__ = error
    return wrapped


def missing_key(error: BaseException, seen: Witnessed = NOTHING) -> str | None:
    """The environment variable for want of which `error` came up; `None` when that is not the reason."""
    name = causes.missing_variable(error)
    return None if name is None or seen.quoted(name) else name


def is_lasting(error: BaseException) -> bool:
    """Whether a failure of the world will not go away by waiting: bad key, no credit, no such model."""
    return causes.missing_variable(error) is not None or any(
        _is_evident(one) and _is_lasting(one) for one in chain(error)
    )


def is_pressure(error: BaseException) -> bool:
    """Whether the provider asks for fewer calls at once: rate limited, overloaded."""
    return any(_is_evident(one) and _is_pressure(one) for one in chain(error)) and not is_lasting(error)


def is_garbled(error: BaseException) -> bool:
    """Whether a failure of the world is that something answers and cannot be understood."""
    return is_no_answer(error) or is_tls(error)


def is_no_answer(error: BaseException) -> bool:
    """Whether a failure of the world is an answer that could not be read, and nothing else."""
    found = list(chain(error))
    return any(is_unreadable(one, in_model_call=True) for one in found) and not any(map(_is_evident, found))


def is_tls(error: BaseException) -> bool:
    """Whether no secure connection could be made."""
    return _tls(error) is not None


def is_overflow(error: BaseException) -> bool:
    """Whether a model refused its prompt because it is too long, in whatever words its provider has for that."""
    return any(causes.says_overflow(one) for one in chain(error))


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
    said = words(error).rstrip(".")
    if (key := missing_key(error)) is not None:
        return f"the environment variable {key} is not set ({said}). Set it"
    if (cause := _tls(error)) is not None:
        where = _address(error)
        return (
            f"TLS failed{f' at {where}' if where else ''} ({words(cause).rstrip('.')}). Check the server's certificate "
            "and address, and which certificates this machine trusts (the environment variable SSL_CERT_FILE)"
        )
    if (where := absent(error)) is not None:
        return (
            f"nothing answers at {where} ({said}). "
            "Check that it runs, and its address (the model's base_url, the environment variable for it)"
        )
    if is_pressure(error):
        return f"a service {trouble(error)}: {said}"
    return said


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
        asked = headers.get("retry-after")
        if (seconds := _number(asked)) is not None:
            return max(0.0, seconds)
        date = email.utils.parsedate_tz(asked) if isinstance(asked, str) else None
        if date is not None:
            return max(0.0, email.utils.mktime_tz(date) - (time.time() if now is None else now))
    return None


def _is_evident(error: BaseException, seen: Witnessed = NOTHING) -> bool:
    """Whether this one exception, without those that led to it, says that the world failed."""
    status = status_of(error)
    if status is not None:
        return status >= 500 or status in WORLD_STATUS or (status in PROVIDER_STATUS and _by_provider(error))
    if causes.names_request(error):
        return False
    if isinstance(error, urllib.error.URLError):
        return not isinstance(error.reason, str)  # a string is about the address
    if isinstance(error, (*NETWORK, MemoryError)) or getattr(error, "is_retryable", None) is True:
        return True
    if isinstance(error, OSError) and error.errno in WORLD_ERRNO:
        return True
    if causes.names_world(error) or (_by_provider(error) and "api error" in kinds(error)):
        return True
    return _of_another_loop(error) or _is_said(error, seen)


def _is_said(error: BaseException, seen: Witnessed) -> bool:
    """Whether a library's exception says so in words of its own."""
    if not speaks(error):
        return False
    phrases = causes.phrase_of_key(str(error)), causes.phrase_of_world(str(error))
    return any(phrase is not None and not seen.quoted(phrase) for phrase in phrases)


def _is_sure(error: BaseException, seen: Witnessed) -> bool:
    machine = isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in MACHINE_ERRNO)
    return machine or _by_provider(error) or seen.ended_model_call(error) or _is_about_key(error)


def _is_about_key(error: BaseException) -> bool:
    return status_of(error) is None and (
        causes.names_key(error) or (speaks(error) and causes.phrase_of_key(str(error)) is not None)
    )


def _is_lasting(error: BaseException) -> bool:
    status = status_of(error)
    if status is not None:
        return status in LASTING_STATUS or getattr(error, "code", None) == "insufficient_quota"
    untrusted = isinstance(error, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(error)
    return untrusted or causes.names_access(error) or _is_about_key(error)


def _is_pressure(error: BaseException) -> bool:
    status = status_of(error)
    if status is not None:
        return status in PRESSURE_STATUS
    return causes.names_pressure(error) or (speaks(error) and causes.phrase_of_pressure(str(error)) is not None)


def _tls(error: BaseException) -> BaseException | None:
    """What says why no secure connection could be made: the cause rather than what wraps it."""
    found = [one for one in chain(error) if isinstance(one, ssl.SSLError) or kinds(one) & TLS_KINDS]
    found += [one for one in chain(error) if "[SSL:" in str(one)]
    return next((one for one in found if isinstance(one, ssl.SSLError)), next(iter(found), None))


def _of_another_loop(error: BaseException) -> bool:
    """A connection that the user's own event loop opened and a pool kept: the failure makes the pool drop it."""
    text = str(error) if type(error) is RuntimeError else ""
    return text == "Event loop is closed" or text.endswith("is bound to a different event loop")


def _address(error: BaseException) -> str | None:
    """Scheme, host and port of what was asked, without path, query and credentials."""
    return next(filter(None, map(_asked, chain(error))), None)


def _asked(error: BaseException) -> str | None:
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


def _number(text: Any) -> float | None:
    try:
        return float(text)
    except (TypeError, ValueError):
        return None
