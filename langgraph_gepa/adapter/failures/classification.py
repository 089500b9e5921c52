"""Classifies exceptions: failures of the world, which are tried again, and of the candidate, which are scored."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import urllib.error
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

from langgraph_gepa.adapter.failures import causes
from langgraph_gepa.adapter.failures.broken_replies import NoAnswerError, is_unreadable
from langgraph_gepa.adapter.failures.causes import (
    OVERLOAD_STATUS,
    PRESSURE_STATUS,
    chain,
    class_names,
    has_library_message,
    status_of,
)
from langgraph_gepa.adapter.failures.reported import findings_of
from langgraph_gepa.core.json_data import plain
from langgraph_gepa.errors import WorldFailure

IsWorldFailure = Callable[[BaseException], bool]
"""Decides whether an exception is the world's failure, which is tried again and never scored."""

Verdict = Literal["world", "candidate", "either"]
"""Whose failure it was; `"either"` may be the world's as well as the candidate's or the example's."""

WORLD_STATUS = frozenset({401, 407, 408, 425, 429})
"""HTTP statuses below 500 that no prompt can cause, whatever server they come from."""

PROVIDER_STATUS = frozenset({402, 403, 404, 409})
"""HTTP statuses that are the world's from a model's provider (no credit, no access, no such model). From a tool's
server they may be the candidate's fault: an order that does not exist, a card that was declined."""

LASTING_STATUS = frozenset({401, 402, 403, 404, 407})
"""HTTP statuses that waiting does not help against: keys, credit, access, names."""

PROVIDERS = frozenset({
    "anthropic", "azure", "botocore", "cerebras", "cohere", "fireworks", "google", "groq", "huggingface_hub", "ibm",
    "mistralai", "ollama", "openai", "together", "xai_sdk",
})  # fmt: skip
"""Packages, beside `langchain_*`, whose exceptions come from a model's provider."""

NETWORK = (
    ConnectionError, TimeoutError, http.client.IncompleteRead, http.client.BadStatusLine, socket.gaierror,
    socket.herror, ssl.SSLError,
)  # fmt: skip
"""Exceptions of the standard library for a network that fails."""

MACHINE_ERRNO = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EROFS})

WORLD_ERRNO = MACHINE_ERRNO | frozenset({
    errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ETIMEDOUT,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class FailureContext:
    """What is known of the rollout in which something failed.

    `model_failures` are the exceptions that ended model calls. `texts` are the example's inputs and the models'
    outputs: when the message of an exception only quotes them, it says nothing about the exception's cause.
    """

    model_failures: Collection[BaseException] = ()
    texts: Collection[str] = ()

    def ended_model_call(self, error: BaseException) -> bool:
        return any(error is other for other in self.model_failures)

    def contains(self, phrase: str) -> bool:
        return any(phrase.lower() in text.lower() for text in self.texts)


NO_CONTEXT = FailureContext()


def error_text(error: BaseException) -> str:
    """Returns the class and the message of an exception: `ValueError: no such thing`."""
    text = plain(str(error)).strip()
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def is_world_failure(error: BaseException) -> bool:
    """Whether `error` is, or may be, the world's: rate limit, connection, 5xx, time-out, no answer, no key.

    Looks at the exceptions that led to it (`__cause__`, `__context__`) and into exception groups. An HTTP status
    counts before the names of classes, and these before the message of a library's exception.
    """
    return classify(error) != "candidate"


def classify(error: BaseException, context: FailureContext = NO_CONTEXT) -> Verdict:
    """Decides whose failure `error` is.

    It is certainly the world's when the user's code says so, or when a model call, a model's provider, this machine or
    a missing key is the cause. It is either's when a page is not served, when a query takes a search too long, or when
    an answer cannot be read, which may be due to this one example.
    """
    if is_declared(error) or missing_key(error, context) is not None:
        return "world"
    evidence = [one for one in chain(error) if indicates_world(one, context)]
    if any(_is_certain(one, context) for one in evidence):
        return "world"
    unreadable = any(is_unreadable(one, in_model_call=context.ended_model_call(one)) for one in chain(error))
    return "either" if evidence or unreadable else "candidate"


def as_world_failure(error: Exception) -> Exception:
    """Returns `error`, wrapped where only its context shows that it is the world's, so that it is known without it."""
    if is_world_failure(error):
        return error
    wrapped = NoAnswerError(f"the answer of a model could not be read ({error_text(error)})")
    wrapped.__cause__ = error
    return wrapped


def missing_key(error: BaseException, context: FailureContext = NO_CONTEXT) -> str | None:
    """Returns the environment variable whose absence caused `error`; `None` when that is not the cause."""
    name = causes.missing_variable(error)
    return None if name is None or context.contains(name) else name


def is_lasting(error: BaseException) -> bool:
    """Whether waiting does not help against a failure of the world: bad key, no credit, no such model."""
    if (known := findings_of(error)) is not None:
        return known.is_lasting
    return causes.missing_variable(error) is not None or any(
        indicates_world(one) and _is_lasting(one) for one in chain(error)
    )


def is_pressure(error: BaseException) -> bool:
    """Whether the provider asks for fewer calls at once: rate limited, overloaded."""
    if (known := findings_of(error)) is not None:
        return known.is_pressure
    return any(indicates_world(one) and _is_pressure(one) for one in chain(error)) and not is_lasting(error)


def is_overload(error: BaseException) -> bool:
    """Whether a service has too much to do, maybe for others, rather than that we call it too often.

    Providers use HTTP 503 for both: one that asks to slow down is a rate limit.
    """
    statuses = {status_of(one) for one in chain(error)}
    limited = 429 in statuses or any(causes.names_rate(str(one)) for one in chain(error))
    return bool(statuses & OVERLOAD_STATUS) and not limited and is_pressure(error)


def is_overflow(error: BaseException) -> bool:
    """Whether a model refused its prompt because it is too long, in the words of any provider."""
    return any(causes.indicates_overflow(one) for one in chain(error))


def is_declared(error: BaseException) -> bool:
    """Whether the user's code raised `WorldFailure`, which no classification overrules."""
    return any(isinstance(one, WorldFailure) for one in chain(error))


def indicates_world(error: BaseException, context: FailureContext = NO_CONTEXT) -> bool:
    """Whether this one exception, apart from those that led to it, is evidence of a failure of the world."""
    if isinstance(error, WorldFailure):
        return True
    status = status_of(error)
    if status is not None:
        return status >= 500 or status in WORLD_STATUS or (status in PROVIDER_STATUS and _by_provider(error))
    if causes.names_request(error):
        return False
    if isinstance(error, urllib.error.URLError):
        return not isinstance(error.reason, str)  # a string is about the address
    if isinstance(error, (*NETWORK, MemoryError)) or getattr(error, "is_retryable", None) is True:  # LangChain's
        return True
    if isinstance(error, OSError) and error.errno in WORLD_ERRNO:
        return True
    if causes.names_world(error) or (_by_provider(error) and "api error" in class_names(error)):
        return True
    return _of_another_loop(error) or _message_indicates_world(error, context)


def _message_indicates_world(error: BaseException, context: FailureContext) -> bool:
    if not has_library_message(error):
        return False
    phrases = causes.phrase_of_key(str(error)), causes.phrase_of_world(str(error))
    return any(phrase is not None and not context.contains(phrase) for phrase in phrases)


def _is_certain(error: BaseException, context: FailureContext) -> bool:
    machine = isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in MACHINE_ERRNO)
    return machine or _by_provider(error) or context.ended_model_call(error) or _is_about_key(error)


def _is_about_key(error: BaseException) -> bool:
    return status_of(error) is None and (
        causes.names_key(error) or (has_library_message(error) and causes.phrase_of_key(str(error)) is not None)
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
    return causes.names_pressure(error) or (
        has_library_message(error) and causes.phrase_of_pressure(str(error)) is not None
    )


def _of_another_loop(error: BaseException) -> bool:
    """Whether a pooled connection belongs to another event loop, the user's; this failure makes the pool drop it."""
    text = str(error) if type(error) is RuntimeError else ""
    return text == "Event loop is closed" or text.endswith("is bound to a different event loop")


def _by_provider(error: BaseException) -> bool:
    packages = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return any(package in PROVIDERS or package.startswith("langchain_") for package in packages)
