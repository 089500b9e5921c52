"""The border between failures of the world, which are never scored, and failures of the candidate, which are."""

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
from langgraph_gepa.adapter.failures.causes import PRESSURE_STATUS, chain, kinds, speaks, status_of
from langgraph_gepa.core.json_data import plain
from langgraph_gepa.errors import WorldFailure

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
    if is_declared(error) or missing_key(error, seen) is not None:
        return "world"
    found = [one for one in chain(error) if is_evident(one, seen)]
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
        is_evident(one) and _is_lasting(one) for one in chain(error)
    )


def is_pressure(error: BaseException) -> bool:
    """Whether the provider asks for fewer calls at once: rate limited, overloaded."""
    return any(is_evident(one) and _is_pressure(one) for one in chain(error)) and not is_lasting(error)


def is_overflow(error: BaseException) -> bool:
    """Whether a model refused its prompt because it is too long, in whatever words its provider has for that."""
    return any(causes.says_overflow(one) for one in chain(error))


def is_declared(error: BaseException) -> bool:
    """Whether the user's code raised `WorldFailure`, which no classification overrules."""
    return any(isinstance(one, WorldFailure) for one in chain(error))


def is_evident(error: BaseException, seen: Witnessed = NOTHING) -> bool:
    """Whether this one exception, without those that led to it, says that the world failed."""
    if isinstance(error, WorldFailure):
        return True
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
    return _of_another_loop(error) or _says_so(error, seen)


def _says_so(error: BaseException, seen: Witnessed) -> bool:
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


def _of_another_loop(error: BaseException) -> bool:
    """A connection that the user's own event loop opened and a pool kept: the failure makes the pool drop it."""
    text = str(error) if type(error) is RuntimeError else ""
    return text == "Event loop is closed" or text.endswith("is bound to a different event loop")


def _by_provider(error: BaseException) -> bool:
    packages = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return any(package in PROVIDERS or package.startswith("langchain_") for package in packages)
