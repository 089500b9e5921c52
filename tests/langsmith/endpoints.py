"""The endpoints that the SDK's client really calls, as far as we use them.

Written from what `langsmith.Client` sends and reads: paths, paging by offset and by cursor, filters, versions and
splits of data sets, and the answers 400, 404, 409 and 422.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from datetime import datetime
from typing import Any

from langsmith_server import START, TENANT, HttpError, Row, Smith, route

BATCHES = {
    "use_multipart_endpoint": False, "size_limit": 100, "size_limit_bytes": 20_971_520, "scale_up_qsize_trigger": 1000,
    "scale_up_nthreads_limit": 4, "scale_down_nempty_trigger": 4,
}  # fmt: skip
"""How many traced runs the SDK may send at once, and that it sends them as JSON."""
SELECTABLE = {"ID", "NAME", "START_TIME", "INPUTS", "OUTPUTS", "ERROR", "TAGS", "REFERENCE_EXAMPLE_ID"}
"""Some of the names that the newer query takes."""


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
    return {"version": smith.version, "instance_flags": {"dataset_examples_multipart_enabled": True},
            "batch_ingest_config": BATCHES}  # fmt: skip


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
    unselected = {"attachment_urls"} - set(_many(query.get("select")))
    rows = [{name: value for name, value in row.items() if name not in unselected} for row in rows]
    return _page(rows[::-1], query)  # the newest first


@route("GET", "/examples/([^/]+)")
def example(smith: Smith, id: str, query: Row) -> Any:
    return _known(smith.examples, id)


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


@route("PATCH", "/sessions/([^/]+)")
def ended_session(smith: Smith, id: str, body: bytes) -> Any:
    _known(smith.sessions, id).update({name: value for name, value in json.loads(body).items() if value is not None})
    return smith.sessions[id]


@route("POST", "/runs")
def new_run(smith: Smith, body: bytes) -> Any:
    row = json.loads(body)
    if row["id"] in smith.runs:
        raise HttpError(409, {"detail": "Run already created"})
    _log(smith, row)
    return {}


@route("POST", "/runs/batch")
def traced_runs(smith: Smith, body: bytes) -> Any:
    """The beginnings and ends of runs, as the SDK's background thread sends them: an end may come first."""
    given = json.loads(body)
    for row in given.get("post", ()):
        _log(smith, row)
    for row in given.get("patch", ()):
        ended = {name: value for name, value in row.items() if not name.startswith("session")}
        smith.runs[row["id"]] = smith.runs.get(row["id"], {}) | ended
    return {}


def _log(smith: Smith, row: Row) -> None:
    """Adds a run; its project is made where there is none of the name."""
    known = {one["name"]: one["id"] for one in smith.sessions.values()}
    session = known.get(row["session_name"]) or smith.session(row["session_name"])
    smith.runs[row["id"]] = {"parent_run_id": None, **row, **smith.runs.get(row["id"], {}), "session_id": session}


def _root_runs(smith: Smith, projects: list[str], since: str, text: str | None) -> list[Row]:
    """The root runs, the oldest first; of the filter language `eq(name, "...")`."""
    rows = [row for row in smith.runs.values() if row["session_id"] in projects and row["start_time"] >= since]
    if text:
        if not (match := re.fullmatch(r'eq\(name, "(.*)"\)', text)):
            raise HttpError(400, {"detail": f"Invalid filter: {text}"})
        rows = [row for row in rows if row["name"] == match[1]]
    return [row for row in rows if row["parent_run_id"] is None]


@route("POST", "/runs/query")
def runs(smith: Smith, body: bytes) -> Any:
    """The query of every server before 2027. Two runs a page, so that cursors are met."""
    query = json.loads(body)
    assert query["is_root"]
    rows = _root_runs(smith, query["session"], query["start_time"], query.get("filter"))
    rows = rows[::-1] if query["order"] == "desc" else rows
    at = int(query.get("cursor", 0))
    page = [{name: row.get(name) for name in {*query["select"], "id"}} for row in rows[at : at + 2]]
    return {"runs": page, "cursors": {"next": str(at + 2) if at + 2 < len(rows) else None}}


@route("POST", "/api/v2/runs/query")
def runs_since_0_16(smith: Smith, body: bytes) -> Any:
    """The query of newer servers: the newest run first, two runs a page, and only the fields that are selected."""
    if tuple(map(int, smith.version.split("."))) < (0, 16):
        raise HttpError(404, {"detail": "Not Found"})
    query = json.loads(body)
    unknown = query.keys() - {"project_ids", "is_root", "min_start_time", "filter", "selects", "page_size", "cursor"}
    if unknown or not 1 <= query["page_size"] <= 1000 or not {*query["selects"]} <= SELECTABLE:
        raise HttpError(422, {"detail": f"Invalid query: {query}"})
    rows = _root_runs(smith, query["project_ids"], query["min_start_time"], query.get("filter"))[::-1]
    at, size = int(query.get("cursor", "at-0")[3:]), min(2, query["page_size"])
    page = [{name.lower(): row.get(name.lower()) for name in query["selects"]} for row in rows[at : at + size]]
    return {"items": page, "next_cursor": f"at-{at + size}" if at + size < len(rows) else None}


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


def _repo(owner: str, name: str) -> str:
    return name if owner == "-" else f"{owner}/{name}"


@route("GET", "/repos/([^/]+)/([^/]+)")
def repo(smith: Smith, owner: str, name: str, query: Row) -> Any:
    if _repo(owner, name) not in smith.repos:
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
    return repo(smith, "-", name, {})


@route("GET", "/commits/([^/]+)/([^/]+)/?")
def commits(smith: Smith, owner: str, name: str, query: Row) -> Any:
    rows = smith.repos[_repo(owner, name)]
    return {"commits": rows[::-1], "total": len(rows)}


@route("GET", "/commits/([^/]+)/([^/]+)/([^/]+)")
def commit(smith: Smith, owner: str, name: str, hash: str, query: Row) -> Any:
    """A prompt that is kept with its model comes without it unless asked for: the first step of the sequence."""
    found = [row for row in smith.repos.get(_repo(owner, name), []) if hash in ("latest", row["commit_hash"])]
    if not found:
        raise HttpError(404, {"detail": "Commit not found"})
    manifest = found[-1]["manifest"]
    if manifest["id"][-1] == "RunnableSequence" and not query.get("include_model"):
        return {**found[-1], "manifest": manifest["kwargs"]["first"]}
    return found[-1]


@route("POST", "/commits/([^/]+)/([^/]+)")
def new_commit(smith: Smith, owner: str, name: str, body: bytes) -> Any:
    if owner != "-":
        raise HttpError(403, {"error": "Forbidden"})
    given, rows = json.loads(body), smith.repos[name]
    made = {**given, "id": str(uuid.uuid4()), "commit_hash": hashlib.sha256(body).hexdigest(), "examples": []}
    if rows and rows[-1]["manifest"] == given["manifest"]:
        raise HttpError(409, {"detail": "Nothing to commit: prompt has not changed since latest commit"})
    if rows and rows[-1]["commit_hash"] != given["parent_commit"]:
        raise HttpError(409, {"detail": "The parent is not the latest commit"})
    rows.append(made)
    return {"commit": made}
