"""A small LangSmith in memory, on loopback: the endpoints that the SDK's client really calls, as far as we use them.

Written from what `langsmith.Client` sends and reads: paths, paging by offset and by cursor, filters, versions and
splits of data sets, and the answers 400, 401, 403, 404, 409 and 429.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

KEY = "lsv2_pt_marked-key-of-langsmith"
START = datetime(2026, 5, 1, tzinfo=UTC)
TENANT = str(uuid.UUID(int=7))
ROUTES: list[tuple[str, re.Pattern[str], Callable[..., Any]]] = []
Row = dict[str, Any]


class HttpError(Exception):
    """What is answered in place of a result."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers or {}


def route(method: str, path: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        ROUTES.append((method, re.compile(path), function))
        return function

    return register


@dataclass
class Smith:
    """What this LangSmith holds. `next` are answers to give before any other, `asked` is what was asked."""

    url: str = ""
    datasets: dict[str, Row] = field(default_factory=dict)
    examples: dict[str, Row] = field(default_factory=dict)
    sessions: dict[str, Row] = field(default_factory=dict)
    runs: dict[str, Row] = field(default_factory=dict)
    feedback: dict[str, Row] = field(default_factory=dict)
    repos: dict[str, list[Row]] = field(default_factory=dict)
    next: list[HttpError] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def dataset(self, name: str, rows: list[Row], **settings: Any) -> str:
        """Makes a data set; rows are a minute apart. `tags` names versions by the number of rows they have."""
        made = str(uuid.uuid4())
        self.datasets[made] = {
            "id": made, "name": name, "created_at": START.isoformat(), "data_type": "kv", "tags": {}, **settings,
        }  # fmt: skip
        for row in rows:
            self.example(made, **row)
        return made

    def example(self, dataset: str, split: str = "base", metadata: Row | None = None, **row: Any) -> None:
        at = (START + timedelta(minutes=sum(e["dataset_id"] == dataset for e in self.examples.values()))).isoformat()
        made = {"id": str(uuid.uuid4()), "dataset_id": dataset, "created_at": at, "modified_at": at, **row}
        made["metadata"] = {"dataset_split": [split], **(metadata or {})}
        self.examples[made["id"]] = made

    def session(self, name: str, **settings: Any) -> str:
        made = str(uuid.uuid4())
        self.sessions[made] = {
            "id": made, "name": name, "tenant_id": TENANT, "start_time": START.isoformat(),
            "reference_dataset_id": None, **settings,
        }  # fmt: skip
        return made

    def run(self, session: str, inputs: Row, outputs: Row | None = None, feedback: Any = (), **row: Any) -> str:
        """Logs a root run, each a minute after the one before, with its feedback."""
        made = str(uuid.uuid4())
        at = (START + timedelta(minutes=len(self.runs))).isoformat()
        self.runs[made] = {
            "id": made, "trace_id": made, "session_id": session, "name": "agent", "run_type": "chain", "start_time": at,
            "inputs": inputs, "outputs": outputs, "error": None, "parent_run_id": None, **row,
        }  # fmt: skip
        for said in feedback:
            id = str(uuid.uuid4())
            self.feedback[id] = {
                "id": id, "run_id": made, "trace_id": made, "created_at": at, "modified_at": at, "score": None,
                "feedback_source": {"type": "app"}, **said,
            }  # fmt: skip
        return made

    def busy(self, status: int, body: Any = None) -> None:
        """What is asked next is answered with this, whatever it is."""
        self.next.append(HttpError(status, body))

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> Any:
        parts = urlsplit(target)
        self.asked.append(f"{method} {parts.path}")
        if self.next:
            raise self.next.pop(0)
        key = headers.get("X-API-Key")
        if key is None or key.startswith("wrong"):
            raise HttpError(401, {"detail": f"Invalid token {key}"})
        if key != KEY or headers.get("X-Tenant-Id", TENANT) != TENANT:
            raise HttpError(403, {"error": "Forbidden"})
        query = {name: values if len(values) > 1 else values[0] for name, values in parse_qs(parts.query).items()}
        for verb, path, function in ROUTES:
            if verb == method and (match := path.fullmatch(parts.path)):
                given = _parts(headers, body) if "multipart" in headers.get("Content-Type", "") else body
                return function(self, *match.groups(), query if method == "GET" else given)
        raise HttpError(404, {"detail": "Not Found"})


def _parts(headers: Any, body: bytes) -> dict[str, Any]:
    """A multipart body, each part JSON, by name."""
    whole = BytesParser().parsebytes(f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode() + body)
    parts: Any = whole.get_payload()
    return {
        part.get_param("name", header="content-disposition"): json.loads(part.get_payload(decode=True))
        for part in parts
    }


def _many(value: Any) -> list[str]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _page(rows: list[Row], query: Row) -> list[Row]:
    start, limit = int(query.get("offset", 0)), int(query.get("limit", 100))
    if limit > 100:
        raise HttpError(422, {"detail": "limit: Input should be less than or equal to 100"})
    return rows[start : start + limit]


def _known(rows: dict[str, Row], id: str) -> Row:
    if id not in rows:
        raise HttpError(404, {"detail": f"{id} not found"})
    return rows[id]


@route("GET", "/info")
def info(smith: Smith, query: Row) -> Any:
    return {"version": "0.13.0", "instance_flags": {"dataset_examples_multipart_enabled": True}}


@route("GET", "/settings")
def settings(smith: Smith, query: Row) -> Any:
    return {"id": TENANT, "display_name": "Team", "created_at": START.isoformat(), "tenant_handle": None}


@route("GET", "/datasets")
def datasets(smith: Smith, query: Row) -> Any:
    return _page([row for row in smith.datasets.values() if query.get("name", row["name"]) == row["name"]], query)


@route("POST", "/datasets")
def new_dataset(smith: Smith, body: bytes) -> Any:
    row = json.loads(body)
    if any(one["name"] == row["name"] for one in smith.datasets.values()):
        raise HttpError(409, {"detail": "Dataset with this name already exists."})
    return smith.datasets[smith.dataset(row["name"], [])]


@route("GET", "/datasets/([^/]+)")
def dataset(smith: Smith, id: str, query: Row) -> Any:
    return _known(smith.datasets, id)


@route("GET", "/datasets/([^/]+)/splits")
def splits(smith: Smith, dataset: str, query: Row) -> Any:
    rows = [row for row in smith.examples.values() if row["dataset_id"] == dataset]
    return sorted({split for row in rows for split in row["metadata"]["dataset_split"]})


@route("GET", "/examples")
def examples(smith: Smith, query: Row) -> Any:
    if ids := _many(query.get("id")):
        return [smith.examples[id] for id in ids if id in smith.examples]
    dataset = _known(smith.datasets, query["dataset"])
    rows = [row for row in smith.examples.values() if row["dataset_id"] == dataset["id"]]
    if as_of := query.get("as_of"):
        if (count := dataset["tags"].get(as_of)) is not None:
            rows = rows[:count]
        else:
            try:
                until = datetime.fromisoformat(as_of)
            except ValueError:
                raise HttpError(404, {"detail": f"No version {as_of}"}) from None
            rows = [row for row in rows if datetime.fromisoformat(row["created_at"]) <= until]
    wanted = set(_many(query.get("splits")))
    rows = [row for row in rows if not wanted or wanted & set(row["metadata"]["dataset_split"])]
    return _page(rows[::-1], query)  # the newest first


@route("POST", "/v1/platform/datasets/([^/]+)/examples")
def new_examples(smith: Smith, dataset: str, parts: dict[str, Any]) -> Any:
    made = [name for name in parts if "." not in name]
    if any(id in smith.examples for id in made):
        raise HttpError(409, {"detail": "Example already exists"})
    for id in made:
        row = {"inputs": parts[f"{id}.inputs"], "outputs": parts.get(f"{id}.outputs")}
        smith.example(dataset, id=id, **row, metadata=parts[id].get("metadata"), split=parts[id].get("split", "base"))
    return {"count": len(made), "example_ids": made}


@route("GET", "/sessions")
def sessions(smith: Smith, query: Row) -> Any:
    return _page([row for row in smith.sessions.values() if query.get("name", row["name"]) == row["name"]], query)


@route("POST", "/sessions")
def new_session(smith: Smith, body: bytes) -> Any:
    row = json.loads(body)
    if any(one["name"] == row["name"] for one in smith.sessions.values()):
        raise HttpError(409, {"detail": "Session already exists."})
    return smith.sessions[smith.session(**{name: row.get(name) for name in ("name", "extra", "reference_dataset_id")})]


@route("POST", "/runs")
def new_run(smith: Smith, body: bytes) -> Any:
    row = json.loads(body)
    if row["id"] in smith.runs:
        raise HttpError(409, {"detail": "Run already created"})
    (session,) = (one["id"] for one in smith.sessions.values() if one["name"] == row["session_name"])
    smith.runs[row["id"]] = {**row, "session_id": session}
    return {}


@route("POST", "/runs/query")
def runs(smith: Smith, body: bytes) -> Any:
    """Two runs a page, so that cursors are met; of the filter language `eq(name, "...")`."""
    asked = json.loads(body)
    rows = [row for row in smith.runs.values() if row["session_id"] in asked["session"]]
    rows = [row for row in rows if not asked.get("is_root") or row["parent_run_id"] is None]
    rows = [row for row in rows if row["start_time"] >= asked["start_time"]]
    if text := asked.get("filter"):
        if not (match := re.fullmatch(r'eq\(name, "(.*)"\)', text)):
            raise HttpError(400, {"detail": f"Invalid filter: {text}"})
        rows = [row for row in rows if row["name"] == match[1]]
    at = int(asked.get("cursor", 0))
    shown = [{name: row.get(name) for name in {*asked["select"], "id"}} for row in rows[::-1][at : at + 2]]
    return {"runs": shown, "cursors": {"next": str(at + 2) if at + 2 < len(rows) else None}}


@route("GET", "/feedback")
def feedback(smith: Smith, query: Row) -> Any:
    return _page([row for row in smith.feedback.values() if row["run_id"] in _many(query["run"])], query)


@route("POST", "/feedback")
def new_feedback(smith: Smith, body: bytes) -> Any:
    row = json.loads(body)
    if row["id"] in smith.feedback:
        raise HttpError(409, {"detail": "Feedback already exists"})
    _known(smith.runs, row["run_id"])
    smith.feedback[row["id"]] = row
    return row


@route("GET", "/repos/-/([^/]+)")
def repo(smith: Smith, name: str, query: Row) -> Any:
    if name not in smith.repos:
        raise HttpError(404, {"detail": "Repo not found"})
    row = dict.fromkeys(("num_likes", "num_downloads", "num_views", "num_commits"), 0)
    row |= {"repo_handle": name, "id": TENANT, "tenant_id": TENANT, "owner": None, "full_name": f"-/{name}", "tags": []}
    row |= dict.fromkeys(("created_at", "updated_at"), START.isoformat())
    return {"repo": row | {"is_public": False, "is_archived": False}}


@route("POST", "/repos/?")
def new_repo(smith: Smith, body: bytes) -> Any:
    name = json.loads(body)["repo_handle"]
    if not re.fullmatch(r"[a-z][a-z0-9-_]*", name):
        raise HttpError(422, {"detail": "repo_handle: invalid"})
    smith.repos[name] = []
    return repo(smith, name, {})


@route("GET", "/commits/-/([^/]+)/?")
def commits(smith: Smith, name: str, query: Row) -> Any:
    return {"commits": smith.repos[name][::-1], "total": len(smith.repos[name])}


@route("GET", "/commits/-/([^/]+)/([^/]+)")
def commit(smith: Smith, name: str, hash: str, query: Row) -> Any:
    found = [row for row in smith.repos.get(name, []) if hash in ("latest", row["commit_hash"])]
    if not found:
        raise HttpError(404, {"detail": "Commit not found"})
    return found[-1]


@route("POST", "/commits/-/([^/]+)")
def new_commit(smith: Smith, name: str, body: bytes) -> Any:
    given = json.loads(body)
    made = {**given, "id": str(uuid.uuid4()), "commit_hash": hashlib.sha256(body).hexdigest(), "examples": []}
    if smith.repos[name] and smith.repos[name][-1]["manifest"] == given["manifest"]:
        raise HttpError(409, {"detail": "Nothing to commit: prompt has not changed since latest commit"})
    smith.repos[name].append(made)
    return {"commit": made}


@pytest.fixture
def smith(monkeypatch: pytest.MonkeyPatch) -> Iterator[Smith]:
    """A LangSmith where the SDK looks for it, with the key that it takes."""
    held = Smith()
    held.session("default")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body at once

        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                status, said, more = 200, held.answer(self.command, self.path, self.headers, body), {}
            except HttpError as error:
                status, said, more = error.status, error.body, error.headers
            data = json.dumps(said).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", "Content-Length": len(data), **more}.items():
                self.send_header(name, str(value))
            self.end_headers()
            with suppress(BrokenPipeError):
                self.wfile.write(data)

        do_GET = do_POST = do_PATCH = _do  # noqa: N815

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    held.url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("LANGSMITH_ENDPOINT", held.url)
    monkeypatch.setenv("LANGSMITH_API_KEY", KEY)
    from langsmith.utils import get_env_var

    get_env_var.cache_clear()
    yield held
    server.shutdown()
    server.server_close()
    get_env_var.cache_clear()
