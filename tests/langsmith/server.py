"""A small LangSmith in memory, on loopback: what it holds, who may ask, and how it is asked."""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "lsv2_pt_marked-key-of-langsmith"
START = datetime(2026, 5, 1, tzinfo=UTC)
TENANT = str(uuid.UUID(int=7))
ROUTES: list[tuple[str, re.Pattern[str], Callable[..., Any]]] = []
Row = dict[str, Any]


class HttpError(Exception):
    """What is answered in place of a result."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status, self.body = status, body


def route(method: str, path: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        ROUTES.append((method, re.compile(path), function))
        return function

    return register


@dataclass
class Smith:
    """What this LangSmith holds. `next` are answers to give before any other, `requests` are those that were made.

    From `version` 0.16 on it has the newer query for runs.
    """

    url: str = ""
    version: str = "0.16.0"
    datasets: dict[str, Row] = field(default_factory=dict)
    examples: dict[str, Row] = field(default_factory=dict)
    sessions: dict[str, Row] = field(default_factory=dict)
    runs: dict[str, Row] = field(default_factory=dict)
    feedback: dict[str, Row] = field(default_factory=dict)
    repos: dict[str, list[Row]] = field(default_factory=dict)
    next: list[tuple[str, HttpError]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

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
        for given in feedback:
            id = str(uuid.uuid4())
            self.feedback[id] = {
                "id": id, "run_id": made, "trace_id": made, "created_at": at, "modified_at": at, "score": None,
                "feedback_source": {"type": "app"}, **given,
            }  # fmt: skip
        return made

    def busy(self, status: int, body: Any = None, at: str = "") -> None:
        """What is asked next is answered with this, or what is asked next `at` an endpoint."""
        self.next.append((at, HttpError(status, body)))

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> Any:
        parts = urlsplit(re.sub(r"^/api(/v1)?/(?!v2/)", "/", target))  # LANGSMITH_ENDPOINT may end with that
        self.requests.append(f"{method} {parts.path}")
        if self.next and self.next[0][0] in ("", self.requests[-1]):
            raise self.next.pop(0)[1]
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


@contextmanager
def serving(held: Smith) -> Iterator[None]:
    """Answers on loopback, at `held.url`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body at once

        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                status, given = 200, held.answer(self.command, self.path, self.headers, body)
            except HttpError as error:
                status, given = error.status, error.body
            data = json.dumps(given).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            with suppress(BrokenPipeError):
                self.wfile.write(data)

        do_GET = do_POST = do_PATCH = _do  # noqa: N815

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    held.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
