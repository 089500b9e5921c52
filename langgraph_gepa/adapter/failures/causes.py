"""What an exception tells of its cause: an HTTP status, the kind of failure its class names, words, a missing key."""

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
"""HTTP answers by which providers and local servers refuse a prompt that is too long."""

PRESSURE_STATUS = frozenset({429, 503, 529})
"""HTTP answers that ask for fewer calls."""

GRPC_STATUS = {
    "UNAVAILABLE": 503, "RESOURCE_EXHAUSTED": 429, "DEADLINE_EXCEEDED": 504, "INTERNAL": 500, "ABORTED": 503,
    "UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403, "NOT_FOUND": 404, "INVALID_ARGUMENT": 400,
}  # fmt: skip
"""Status codes of gRPC as the HTTP statuses they stand for."""


class ReportedError(Exception):
    """A failure that is known by its words only: a tool gave them back in place of an exception."""


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


def status_of(error: BaseException) -> int | None:
    """The HTTP status from 400 on that an exception carries, wherever its library keeps it."""
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
    if isinstance(name, str) and _PRESSURE_KIND.search(spelled(name)):
        return int(HTTPStatus.TOO_MANY_REQUESTS)
    return _as_status(metadata.get("HTTPStatusCode")) if isinstance(metadata, Mapping) else None


def _body_status(body: Any) -> Any:
    """The status in the body of an answer that describes an error: `{"error": {"code": 502, "message": ...}}`."""
    if isinstance(body, Mapping) and isinstance(inner := body.get("error"), Mapping):
        body = inner
    if not isinstance(body, Mapping):
        return None
    return next((found for name in ("code", "status") if (found := _as_status(body.get(name)))), None)


def is_server_error(body: Mapping[str, Any]) -> bool:
    """Whether the body of an answer says that the server failed or had too many calls."""
    status = _body_status(body)
    return status in PRESSURE_STATUS or status >= 500 if status else phrase_of_world(str(body.get("error"))) is not None


def _as_status(value: Any) -> int | None:
    if callable(value):  # gRPC
        try:
            value = value()
        except Exception:  # noqa: BLE001 - a stranger's method that is called `code` and is no gRPC status
            return None
    if isinstance(value, Enum) and value.name in GRPC_STATUS:
        return GRPC_STATUS[value.name]
    if isinstance(value, str) and len(value) == 3 and value.isdecimal():
        value = int(value)
    return int(value) if isinstance(value, int) and 400 <= value < 600 else None


def spelled(name: str) -> str:
    """The name of a class as words: `YFRateLimitError` is `yf rate limit error`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|_", " ", name).lower()


def kinds(error: BaseException) -> frozenset[str]:
    """What the classes of an exception are called, those of the standard library left out: they are known by type."""
    return frozenset(spelled(kind.__name__) for kind in type(error).__mro__ if not _is_standard(kind))


def names_pressure(error: BaseException) -> bool:
    """Whether a class of the error says that there were too many calls: `RatelimitException`."""
    return any(_PRESSURE_KIND.search(kind) for kind in kinds(error))


def names_key(error: BaseException) -> bool:
    """Whether a class of the error says that a key is missing or wrong: `MissingAPIKeyError`."""
    return any(_KEY_KIND.search(kind) for kind in kinds(error))


def names_access(error: BaseException) -> bool:
    """Whether a class of the error says that access is refused, for want of the right key or rights."""
    return any(_ACCESS_KIND.search(kind) for kind in kinds(error))


def names_world(error: BaseException) -> bool:
    """Whether a class of the error says that a service refused, was not reached, or not in time."""
    said = (_OUTAGE_KIND, _PRESSURE_KIND, _KEY_KIND, _ACCESS_KIND)
    return any(pattern.search(kind) for kind in kinds(error) for pattern in said)


def names_request(error: BaseException) -> bool:
    """Whether the error says that the request was at fault: a bad address, or a prompt that is too long or refused."""
    named = (getattr(error, name, None) for name in ("code", "type"))
    codes = (spelled(name) for name in named if isinstance(name, str))
    return any(_REQUEST_KIND.search(kind) for kind in (*kinds(error), *codes))


def says_overflow(error: BaseException) -> bool:
    """Whether the error says that a prompt is longer than a model takes."""
    status = status_of(error)
    if status == HTTPStatus.TOO_MANY_REQUESTS:  # more at once than a minute allows, which no waiting helps
        return "request too large" in str(error).lower()
    if status is not None and status not in OVERFLOW_STATUS:
        return False
    codes = (getattr(error, name, None) for name in ("code", "type"))
    return "context overflow error" in kinds(error) or any(
        _OVERFLOW.search(text) for text in (str(error), *codes) if isinstance(text, str)
    )


def speaks(error: BaseException) -> bool:
    """Whether the message is a library's: a class of its own, or raised in a library's code.

    A `ValueError` that a node raises may say anything, and a `KeyError` says what was looked for.
    """
    if isinstance(error, LookupError | AttributeError | NameError):
        return False
    return not _is_standard(type(error)) or is_library(error)


def phrase_of_pressure(text: str) -> str | None:
    """Where a message says that there were too many calls."""
    found = (one for one in _PHRASES.finditer(text) if one["pressure"] or _status_in(one) in PRESSURE_STATUS)
    return next((one[0] for one in found), None)


def phrase_of_world(text: str) -> str | None:
    """Where a message says that a service refused for its own reasons, was not reached, or broke down."""
    found = _PHRASES.search(text)
    return found and found[0]


def phrase_of_key(text: str) -> str | None:
    """Where a message says that a key is missing or wrong."""
    found = _KEY_PHRASES.search(text)
    return found and found[0]


def _status_in(found: re.Match[str]) -> int:
    return int(found["after"] or found["before"] or 0)


def missing_variable(error: BaseException) -> str | None:
    """The environment variable for want of which something failed: named by the error, and indeed not set."""
    for one in chain(error):
        if not _is_generated(one) and (name := _variable_wanted(one)):
            return name
    return None


def variable_named(text: str) -> str | None:
    """The first variable that a message names, if none of those it names is set."""
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
    """Whether it came up in code that was made from a text, as a model's programs are."""
    return any(frame.f_code.co_filename == "<string>" for frame in frames(error))


def _is_standard(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in sys.stdlib_module_names
