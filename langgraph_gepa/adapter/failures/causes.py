"""Reads evidence of a failure's cause from one exception: HTTP status, names of classes, phrases, a missing key."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from enum import Enum
from http import HTTPStatus
from typing import Any

from langgraph_gepa.adapter.failures.frames import frames, is_library

PRESSURE = (
    r"rate[\s_-]*limit|too[\s_-]*many[\s_-]*requests|throttl|quota|usage[\s_-]*limit|excessive[\s_-]*requests"
    r"|resources?[\s_-]*(?:has[\s_-]*been[\s_-]*)?exhausted|overload|(?:at|over)[\s_-]*capacity|slow[\s_-]*down"
    r"|service[\s_-]*unavailable"
)
OUTAGE = (
    r"time[sd]?[\s_-]*out|deadline[\s_-]*exceeded|incomplete[\s_-]*read|server[\s_-]*(?:error|disconnected)"
    r"|connect(?:ion)?[\s_-]*(?:error|refused|reset|aborted|closed|failed|failure|broken|lost)"
)
_RATE = re.compile(r"slow[\s_-]*down|rate[\s_-]*limit|request[\s_-]*rate|too[\s_-]*many[\s_-]*requests", re.IGNORECASE)
_PRESSURE_KIND = re.compile(PRESSURE)
_OUTAGE_KIND = re.compile(
    rf"{OUTAGE}|connection|disconnected|unavailable|transport error|max retry|not ready|model api error|ssl error"
    r"|chunked encoding|decoding error|payload error|content type error|protocol error|fetch error"
)
_KEY_KIND = re.compile(r"\b(?:missing|invalid|no|wrong|expired) (?:\w+ )?(?:api ?key|credentials?)\b")
_ACCESS_KIND = re.compile(
    r"\b(?:authentication|unauthorized|permission denied|default credentials|model not found) ?(?:error|exception)?$"
)
_REQUEST_KIND = re.compile(
    r"invalid url|unsupported protocol|local protocol|too many redirects|node timeout|bad request|invalid request"
    r"|context overflow|context length|content filter|content policy|refusal|length finish reason"
)
_OVERFLOW = re.compile(
    r"context[\s_-]*(?:length|window|size|limit)|(?:prompt|input|request|message)s?\b(?:[^.]{0,40}\b)?"
    r"(?:is|are|was|were)?\s*too[\s_-]*(?:long|large)|too[\s_-]*many[\s_-]*(?:input[\s_-]*|prompt[\s_-]*)?tokens"
    r"|maximum[\s_-]*(?:prompt|input|context|number[\s_-]*of[\s_-]*(?:input[\s_-]*)?tokens)|reduce the length"
    r"|tokens?\b[^.]{0,40}\b(?:exceed|exceeds|exceeded)\b|above[\s_-]*max[\s_-]*length"
    r"|input validation error: .{0,20}tokens",
    re.IGNORECASE,
)
_PHRASES = re.compile(
    rf"(?P<pressure>{PRESSURE})|(?P<outage>{OUTAGE}"
    r"|(?:temporarily|currently)[\s_-]*unavailable|bad[\s_-]*gateway|gateway[\s_-]*time|max[\s_-]*retries"
    r"|(?:unable|failed|could[\s_-]*not|cannot|can't)[\s_-]*(?:to[\s_-]*)?connect|name or service not known"
    r"|dns[\s_-]*error|error sending request|(?:could[\s_-]*not|failed to) resolve host|network is unreachable"
    r"|name resolution|try[\s_-]*again[\s_-]*(?:later|in\b|after))"
    r"|\b(?:https?|status|code|error|returned)(?:[\s:=#'\"({\[-]|code|status|response|error){1,12}"
    r"(?P<after>429|50[0-4]|52\d)\b|\b(?P<before>429|50[0-4]|52\d) (?:client|server)",
    re.IGNORECASE,
)
_KEY_PHRASES = re.compile(
    r"\b(?:missing|invalid|incorrect|wrong|expired|no)\b[\s_'\":-]*(?:\w+[\s_-]+){0,2}?(?:api[\s_-]*key|credential)"
    r"|(?:api[\s_-]*key|credentials?|authentication method)\W+(?:\w+\W+){0,6}?"
    r"(?:missing|invalid|required|expired|must be|not (?:set|provided|found|valid|configured|given))"
    r"|did not find \w*(?:key|token|credential)|could not resolve authentication",
    re.IGNORECASE,
)

_CREDENTIAL = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*_(?:KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS?)\b")
_VARIABLE = re.compile(
    r"\benv(?:ironment)?[ _]var(?:iable)?s?\W+(?:named\W+|called\W+)?([A-Z][A-Z0-9_]{3,})\b"
    r"|\b([A-Z][A-Z0-9_]{3,})\W+env(?:ironment)?[ _]var"
)

OVERFLOW_STATUS = frozenset({400, 413, 422, 500})
"""HTTP statuses by which providers and local servers refuse a prompt that is too long."""

OVERLOAD_STATUS = frozenset({503, 529})
"""HTTP statuses of a service that has too much to do."""

PRESSURE_STATUS = OVERLOAD_STATUS | {429}
"""HTTP statuses that ask for fewer calls."""

GRPC_STATUS = {
    "UNAVAILABLE": 503, "RESOURCE_EXHAUSTED": 429, "DEADLINE_EXCEEDED": 504, "INTERNAL": 500, "ABORTED": 503,
    "UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403, "NOT_FOUND": 404, "INVALID_ARGUMENT": 400,
}  # fmt: skip
"""Status codes of gRPC as the HTTP statuses they stand for."""


class ReportedError(Exception):
    """A failure of which only a text is known, which a tool returned in place of an exception."""


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yields the error, what it was raised from or while handling, and the members of groups; each once."""
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


def status_of(error: BaseException) -> int | None:
    """Returns the HTTP status from 400 on that an exception carries, in whatever attribute of it or of its response."""
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):  # botocore
        return _botocore_status(response)
    held: list[Any] = [getattr(error, name, None) for name in ("status_code", "status", "code", "http_status")]
    held += [getattr(response, name, None) for name in ("status_code", "status")]
    held += [_body_status(getattr(error, "body", None)), *(_body_status(argument) for argument in error.args[:1])]
    return next((found for found in map(_as_status, held) if found is not None), None)


def _botocore_status(response: Mapping[str, Any]) -> int | None:
    metadata, described = response.get("ResponseMetadata"), response.get("Error")
    name = described.get("Code") if isinstance(described, Mapping) else None
    if isinstance(name, str) and _PRESSURE_KIND.search(spelled_out(name)):
        return int(HTTPStatus.TOO_MANY_REQUESTS)
    return _as_status(metadata.get("HTTPStatusCode")) if isinstance(metadata, Mapping) else None


def _body_status(body: Any) -> Any:
    """The status in the body of a response that describes an error: `{"error": {"code": 502, "message": ...}}`."""
    if isinstance(body, Mapping) and isinstance(inner := body.get("error"), Mapping):
        body = inner
    if not isinstance(body, Mapping):
        return None
    return next((found for name in ("code", "status") if (found := _as_status(body.get(name)))), None)


def is_server_error(body: Mapping[str, Any]) -> bool:
    """Whether the body of a response says that the server failed or had too many calls."""
    status = _body_status(body)
    return status in PRESSURE_STATUS or status >= 500 if status else phrase_of_world(str(body.get("error"))) is not None


def _as_status(value: Any) -> int | None:
    if callable(value):  # gRPC
        try:
            value = value()
        except Exception:  # noqa: BLE001 - any library's method that is called `code` and is no gRPC status
            return None
    if isinstance(value, Enum) and value.name in GRPC_STATUS:
        return GRPC_STATUS[value.name]
    if isinstance(value, str) and len(value) == 3 and value.isdecimal():
        value = int(value)
    return int(value) if isinstance(value, int) and 400 <= value < 600 else None


def spelled_out(name: str) -> str:
    """Returns the name of a class as words: `yf rate limit error` for `YFRateLimitError`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_", " ", name).lower()


def class_names(error: BaseException) -> frozenset[str]:
    """Returns the names of an exception's classes as words, without those of the standard library, known by type."""
    return frozenset(spelled_out(kind.__name__) for kind in type(error).__mro__ if not _is_standard(kind))


def names_pressure(error: BaseException) -> bool:
    """Whether a class of the error is called after too many calls: `RatelimitException`."""
    return any(_PRESSURE_KIND.search(kind) for kind in class_names(error))


def names_rate(text: str) -> bool:
    """Whether a message is about how often we call: `Slow Down`."""
    return _RATE.search(text) is not None


def names_key(error: BaseException) -> bool:
    """Whether a class of the error is called after a missing or wrong key: `MissingAPIKeyError`."""
    return any(_KEY_KIND.search(kind) for kind in class_names(error))


def names_access(error: BaseException) -> bool:
    """Whether a class of the error is called after refused access: `PermissionDeniedError`."""
    return any(_ACCESS_KIND.search(kind) for kind in class_names(error))


def names_world(error: BaseException) -> bool:
    """Whether a class of the error is called after a service that refused, was not reached, or not in time."""
    patterns = (_OUTAGE_KIND, _PRESSURE_KIND, _KEY_KIND, _ACCESS_KIND)
    return any(pattern.search(name) for name in class_names(error) for pattern in patterns)


def names_request(error: BaseException) -> bool:
    """Whether class or code of the error blame the request: a bad address, or a prompt that is too long or refused."""
    named = (getattr(error, name, None) for name in ("code", "type"))
    codes = (spelled_out(name) for name in named if isinstance(name, str))
    return any(_REQUEST_KIND.search(kind) for kind in (*class_names(error), *codes))


def indicates_overflow(error: BaseException) -> bool:
    """Whether this one exception says that a prompt is longer than a model takes."""
    status = status_of(error)
    if status == HTTPStatus.TOO_MANY_REQUESTS:  # a prompt above the limit of a minute, which waiting does not help
        return "request too large" in str(error).lower()
    if status is not None and status not in OVERFLOW_STATUS:
        return False
    codes = (getattr(error, name, None) for name in ("code", "type"))
    return "context overflow error" in class_names(error) or any(
        _OVERFLOW.search(text) for text in (str(error), *codes) if isinstance(text, str)
    )


def has_library_message(error: BaseException) -> bool:
    """Whether a library wrote the message: the class is not the standard library's, or a library's code raised it.

    The message of a `ValueError` that a node raises is no evidence, nor is the key in a `KeyError`.
    """
    if isinstance(error, LookupError | AttributeError | NameError):
        return False
    return not _is_standard(type(error)) or is_library(error)


def phrase_of_pressure(text: str) -> str | None:
    """Returns the phrase of a message that reports too many calls, if any."""
    found = (one for one in _PHRASES.finditer(text) if one["pressure"] or _status_in(one) in PRESSURE_STATUS)
    return next((one[0] for one in found), None)


def phrase_of_world(text: str) -> str | None:
    """Returns the phrase of a message that reports a service that refused, was not reached or broke down, if any."""
    found = _PHRASES.search(text)
    return found and found[0]


def phrase_of_key(text: str) -> str | None:
    """Returns the phrase of a message that reports a missing or wrong key, if any."""
    found = _KEY_PHRASES.search(text)
    return found and found[0]


def _status_in(found: re.Match[str]) -> int:
    return int(found["after"] or found["before"] or 0)


def missing_variable(error: BaseException) -> str | None:
    """Returns the environment variable that the error names and that is indeed not set, if any."""
    return next((name for one in chain(error) if not _is_generated(one) and (name := _variable_wanted(one))), None)


def variable_named(text: str) -> str | None:
    """Returns the first environment variable that a message names, if none of those that it names is set."""
    named = [found[0] for found in _CREDENTIAL.finditer(text)]
    named += [found[1] or found[2] for found in _VARIABLE.finditer(text)]
    return None if not named or any(map(os.environ.get, named)) else named[0]


def _variable_wanted(error: BaseException) -> str | None:
    if not isinstance(error, KeyError):
        return variable_named(str(error))
    name = error.args[0] if error.args else None
    from_environment = any(frame.f_locals.get("self") is os.environ for frame in frames(error))
    return name if from_environment and isinstance(name, str) and not os.environ.get(name) else None


def _is_generated(error: BaseException) -> bool:
    """Whether it was raised in code compiled from a text, such as a program that a model wrote."""
    return any(frame.f_code.co_filename == "<string>" for frame in frames(error))


def _is_standard(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in sys.stdlib_module_names
