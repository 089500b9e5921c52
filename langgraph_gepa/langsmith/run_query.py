"""Queries the root runs of a tracing project, on old and new servers, with any version of the SDK.

Servers of version 0.16 and later have `POST /api/v2/runs/query`, which newer versions of the SDK call
`client.runs.query`, for asyncio only. Earlier servers have `POST /runs/query`, which the SDK calls `list_runs`;
LangChain removes it after January 2027 (https://docs.langchain.com/langsmith/smithdb-sdk-migration-query-runs). Both
are called here as requests of the SDK's client, with its headers, retries and errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import islice
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from langgraph_gepa.langsmith.client import status_of

if TYPE_CHECKING:
    from langsmith import Client
    from langsmith.schemas import TracerSession

PAGE = 100
"""Runs in one answer: the most of earlier servers, the default of newer ones."""
ABSENT = (404, 405, 501)
"""How a server, or a proxy before it, answers at an endpoint that it does not have."""


@dataclass(frozen=True, slots=True)
class LoggedRun:
    """What examples are made of, of a root run."""

    id: str
    inputs: dict[str, Any] | None = None
    outputs: dict[str, Any] | None = None
    error: str | None = None


FIELDS = tuple(field.name for field in fields(LoggedRun))


class _NewPage(TypedDict, total=False):
    items: list[LoggedRun] | None
    next_cursor: str | None


class _Cursors(TypedDict, total=False):
    next: str | None


class _OldPage(TypedDict, total=False):
    runs: list[LoggedRun] | None
    cursors: _Cursors | None


_NEW, _OLD = TypeAdapter(_NewPage), TypeAdapter(_OldPage)


def root_runs(client: Client, project: TracerSession, filter: str | None, limit: int) -> list[LoggedRun]:
    """The newest `limit` root runs of the project that the filter lets through, the newest first.

    Raises as the client does, and `ValidationError` for an answer in another form.
    """
    from langsmith.utils import LangSmithError

    try:
        return list(islice(_new_query(client, project, filter, limit), limit))
    except LangSmithError as failure:
        if status_of(failure) not in ABSENT:
            raise
    return list(islice(_old_query(client, project, filter), limit))


def _new_query(client: Client, project: TracerSession, filter: str | None, limit: int) -> Iterator[LoggedRun]:
    """Its only order is from the newest run to the oldest."""
    url = client.api_url.rstrip("/").removesuffix("/v1").removesuffix("/api") + "/api/v2/runs/query"
    query: dict[str, Any] = {
        "project_ids": [str(project.id)],
        "is_root": True,
        "min_start_time": project.start_time.isoformat(),  # left out it means a day
        "selects": [name.upper() for name in FIELDS],
        "page_size": min(limit, PAGE),
        **({"filter": filter} if filter else {}),
    }
    while True:
        page = _NEW.validate_python(_answer(client, url, query))
        yield from page.get("items") or ()
        if not (cursor := page.get("next_cursor")):
            return
        query["cursor"] = cursor


def _old_query(client: Client, project: TracerSession, filter: str | None) -> Iterator[LoggedRun]:
    query: dict[str, Any] = {
        "session": [str(project.id)],
        "is_root": True,
        "start_time": project.start_time.isoformat(),  # left out it may mean a day
        "select": FIELDS,
        "order": "desc",
        **({"filter": filter} if filter else {}),
    }
    while True:
        page = _OLD.validate_python(_answer(client, "/runs/query", query))
        yield from page.get("runs") or ()
        if not (cursor := (page.get("cursors") or {}).get("next")):
            return
        query["cursor"] = cursor


def _answer(client: Client, path: str, query: dict[str, Any]) -> Any:
    return client.request_with_retries("POST", path, request_kwargs={"json": query}).json()
