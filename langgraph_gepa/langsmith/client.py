"""Connects to LangSmith with its SDK, and turns failures into errors that name the cause and the fix.

The address and the key come from LANGSMITH_ENDPOINT, LANGSMITH_API_KEY and LANGSMITH_WORKSPACE_ID, as the SDK
reads them (https://docs.langchain.com/langsmith/create-account-api-key).
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from langgraph_gepa.errors import UsageError

if TYPE_CHECKING:
    from langsmith import Client

T = TypeVar("T")

BATCH = 50
"""Ids in one request: they go into its URL, which servers limit to some 8 kB."""
LONGEST = 200
"""Characters of LangSmith's reason for a refused request."""

NO_KEY = "no key is set: put one into LANGSMITH_API_KEY"
KEY = "LangSmith does not accept the key ({status}): check LANGSMITH_API_KEY, and LANGSMITH_ENDPOINT for its region"
FORBIDDEN = (
    "the key may not do this ({status}): check LANGSMITH_API_KEY, LANGSMITH_WORKSPACE_ID for the workspace, "
    "and LANGSMITH_ENDPOINT for its region"
)
UNKNOWN = "LangSmith at {url} does not have it ({status}): check its name, and LANGSMITH_WORKSPACE_ID"
BUSY = "LangSmith is busy ({status}): try again in a minute"
BROKEN = "LangSmith at {url} failed ({status}): try again later"
REFUSED = "LangSmith refused the request ({status}): {reason}"
UNREADABLE = "LangSmith answers in a form that langsmith {version} does not know: pip install -U langsmith"
AWAY = "LangSmith cannot be reached at {url}: check the network and LANGSMITH_ENDPOINT"


class _Silence(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - a filter's signature
        return False


@contextmanager
def connected(doing: str, error: type[UsageError] = UsageError) -> Iterator[Client]:
    """Yields a client. A failure of its calls is raised as an `error` with `doing`, the cause, and the fix.

    The client starts no threads: every call has reached LangSmith when it returns. Runs are never sampled. The client's
    log is silenced, as it repeats failures with parts of the key.
    """
    from langsmith import Client
    from langsmith.utils import LangSmithUserError, filter_logs

    try:
        client = Client(auto_batch_tracing=False, tracing_sampling_rate=1.0)
    except LangSmithUserError as mistake:  # two endpoints at once, an empty one
        raise error(f"{doing}: {mistake}") from None
    if _hosted(client.api_url) and not _has_key(client):
        raise error(f"{doing}: {NO_KEY}.")
    try:
        with filter_logs(logging.getLogger("langsmith.client"), [_Silence()]), explained(doing, client, error):
            yield client
    finally:
        client.session.close()


@contextmanager
def explained(doing: str, client: Client, error: type[UsageError] = UsageError) -> Iterator[None]:
    """Raises what the client raises as an `error`, without the SDK's message, which shows parts of the key."""
    from langsmith import __version__
    from langsmith.utils import LangSmithError
    from requests.exceptions import RequestException

    try:
        yield
    except (LangSmithError, RequestException) as failure:
        raise error(f"{doing}: {_cause(failure, client)}.") from None
    except ValueError as failure:
        if type(failure).__name__ != "ValidationError":  # of pydantic, or of its first version in older SDKs
            raise
        raise error(f"{doing}: {UNREADABLE.format(version=__version__)}.") from failure


def batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Splits `items` into parts, each for one request."""
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


def supported(function: Callable[..., Any], **arguments: Any) -> dict[str, Any]:
    """The `arguments` that this version of the SDK supports for the function."""
    known = inspect.signature(function).parameters
    return {name: value for name, value in arguments.items() if name in known}


def status_of(failure: BaseException) -> int | None:
    """The HTTP status that the server answered with; `None` when it did not answer."""
    response = _response(failure)
    return None if response is None else int(response.status_code)


def _cause(failure: Exception, client: Client) -> str:
    from langsmith.utils import LangSmithNotFoundError

    response = _response(failure)
    if response is None and isinstance(failure, LangSmithNotFoundError):
        return UNKNOWN.format(status="an empty list", url=client.api_url)
    if response is None:
        return AWAY.format(url=client.api_url)
    status = response.status_code
    form = REFUSED
    if status in (401, 403) and not _has_key(client):
        form = NO_KEY
    elif status in (401, 403):
        form = KEY if status == 401 else FORBIDDEN
    elif status in (404, 429):
        form = UNKNOWN if status == 404 else BUSY
    elif status >= 500 or status == 408:
        form = BROKEN
    return form.format(status=status, url=client.api_url, reason=_reason(response, client))


def _response(failure: BaseException | None) -> Any:
    """The response behind an error of the SDK: that of the HTTP error which caused it; `None` without one.

    Other errors in the chain, such as one that was being handled, belong to other responses.
    """
    from requests import HTTPError

    while failure is not None:
        if (response := getattr(failure, "response", None)) is not None:
            return response
        before = failure.__cause__ or failure.__context__
        failure = before if isinstance(before, HTTPError) else None
    return None


def _reason(response: Any, client: Client) -> str:
    """The server's reason, without the key that it may repeat."""
    try:
        body = response.json()
    except ValueError:
        body = response.text
    reason = body.get("detail") or body.get("error") or body if isinstance(body, dict) else body
    text = " ".join(str(reason).split()).replace(client.api_key or "\0", "<hidden>")
    return text.rstrip(".")[:LONGEST] or "without a reason"


def _hosted(url: str) -> bool:
    """Whether this is LangChain's own service, which needs a key."""
    return f".{urlsplit(url).hostname or ''}".endswith(".langchain.com")


def _has_key(client: Client) -> bool:
    """Whether the client has a key or, in newer versions of the SDK, a login."""
    return bool(client.api_key) or getattr(client, "_profile_auth", None) is not None
