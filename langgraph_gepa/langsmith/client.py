"""LangSmith's own client, with what can go wrong told as a mistake that can be mended.

Where LangSmith is and with which key: LANGSMITH_ENDPOINT, LANGSMITH_API_KEY and LANGSMITH_WORKSPACE_ID, as the SDK
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
"""Ids in one request: they go into its address, which servers take up to some 8 kB of."""
LONGEST = 200
"""Characters of what LangSmith says of a refused request."""

NO_KEY = "no key is set: put one into LANGSMITH_API_KEY"
KEY = "LangSmith does not accept the key ({status}): check LANGSMITH_API_KEY, and LANGSMITH_ENDPOINT for its region"
FORBIDDEN = (
    "the key may not do this ({status}): check LANGSMITH_API_KEY, LANGSMITH_WORKSPACE_ID for the workspace, "
    "and LANGSMITH_ENDPOINT for its region"
)
UNKNOWN = "LangSmith at {url} knows nothing of it ({status}): check its name, and LANGSMITH_WORKSPACE_ID"
BUSY = "LangSmith asks for patience ({status}): try again in a minute"
BROKEN = "LangSmith at {url} has a failure of its own ({status}): try again later"
REFUSED = "LangSmith refused the request ({status}): {said}"
STRANGE = "LangSmith answers in a form that langsmith {version} does not know: pip install -U langsmith"
AWAY = "LangSmith cannot be reached at {url}: check the network and LANGSMITH_ENDPOINT"


class _Silence(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:  # noqa: ARG002 - a filter's signature
        return False


@contextmanager
def connected(doing: str, error: type[UsageError] = UsageError) -> Iterator[Client]:
    """A client for as long as it takes; failures of its calls are an `error`: `doing`, the cause, and the fix.

    It starts no threads: every call has reached LangSmith when it returns. Runs are never sampled. The client's own
    log is silent meanwhile: it would say the same with parts of the key in it.
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
    """What the client raises as an `error`. What the SDK says shows parts of the key, so it is not passed on."""
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
        raise error(f"{doing}: {STRANGE.format(version=__version__)}.") from failure


def batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """`items` in parts, each for one request."""
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]


def taken(function: Callable[..., Any], **arguments: Any) -> dict[str, Any]:
    """Those of `arguments` that this version of the SDK knows."""
    known = inspect.signature(function).parameters
    return {name: value for name, value in arguments.items() if name in known}


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
    return form.format(status=status, url=client.api_url, said=_said(response, client))


def _response(failure: BaseException | None) -> Any:
    """The answer behind an error of the SDK, which keeps it in the HTTP errors that led to its own; `None` without
    one. What else led there, such as an error that was being handled, is of another answer."""
    from requests import HTTPError

    while failure is not None:
        if (response := getattr(failure, "response", None)) is not None:
            return response
        before = failure.__cause__ or failure.__context__
        failure = before if isinstance(before, HTTPError) else None
    return None


def _said(response: Any, client: Client) -> str:
    """The server's own words, without the key that it may repeat."""
    try:
        body = response.json()
    except ValueError:
        body = response.text
    said = body.get("detail") or body.get("error") or body if isinstance(body, dict) else body
    text = " ".join(str(said).split()).replace(client.api_key or "\0", "<hidden>")
    return text.rstrip(".")[:LONGEST] or "it gives no reason"


def _hosted(url: str) -> bool:
    """Whether this is LangChain's own service, which answers nobody without a key."""
    return f".{urlsplit(url).hostname or ''}".endswith(".langchain.com")


def _has_key(client: Client) -> bool:
    """Whether the client has a key, or a login of newer versions of the SDK."""
    return bool(client.api_key) or getattr(client, "_profile_auth", None) is not None
