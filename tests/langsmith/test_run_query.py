"""The runs of a project, from servers that have the newer query for them and from those that do not."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any

import pytest
from langsmith import Client
from langsmith.utils import get_env_var

from langgraph_gepa.errors import ExampleError
from langgraph_gepa.runs.examples import examples_of

NEW, OLD = "POST /api/v2/runs/query", "POST /runs/query"


@pytest.fixture
def app(smith: Any) -> str:
    """A project of five runs."""
    made: str = smith.session("app")
    for n in range(5):
        smith.run(made, {"n": n}, {"a": n}, name="agent" if n % 2 else "other")
    return made


def numbers(name: str) -> list[int]:
    return [example.inputs["n"] for example in examples_of(name)]


def queries(smith: Any) -> list[str]:
    return [request for request in smith.requests if request.endswith("/runs/query")]


@pytest.mark.parametrize(
    ("version", "asked"),
    [("0.16.0", [NEW, NEW, NEW]), ("0.18.2", [NEW, NEW, NEW]), ("0.15.9", [NEW, OLD, OLD, OLD])],
)
def test_the_newer_query_is_used_where_the_server_has_it(smith: Any, app: str, version: str, asked: list[str]) -> None:
    """All pages of it; a server that answers 404 is asked as before; nothing warns."""
    smith.version = version
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert numbers("langsmith-runs:app") == [4, 3, 2, 1, 0]
    assert queries(smith) == asked


@pytest.mark.parametrize("version", ["0.16.0", "0.13.0"])
def test_both_queries_select_alike(smith: Any, app: str, version: str) -> None:
    """The newest few, those of a filter, root runs only, and no page more than needed."""
    smith.version = version
    smith.run(app, {"n": 9}, parent_run_id=next(iter(smith.runs)))
    assert numbers("langsmith-runs:app?limit=3") == [4, 3, 2]
    assert len([request for request in queries(smith) if request == (NEW if version == "0.16.0" else OLD)]) == 2
    assert numbers('langsmith-runs:app?filter=eq(name, "agent")') == [3, 1]
    assert numbers("langsmith-runs:app?limit=1") == [4]


@pytest.mark.parametrize("status", [405, 501])
def test_a_proxy_may_answer_for_a_server_without_it(smith: Any, app: str, status: int) -> None:
    """It says that there is no such method, or that it is not implemented: the older query is used."""
    smith.busy(status, at=NEW)
    assert numbers("langsmith-runs:app?limit=2") == [4, 3]
    assert queries(smith) == [NEW, OLD]


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (400, {"detail": "no such field"}, r"refused the request \(400\): no such field"),
        (403, {"error": "Forbidden"}, r"the key may not do this \(403\)"),
        (422, {"detail": "no such page"}, r"refused the request \(422\): no such page"),
        (200, {"items": [{"id": 7}]}, r"answers in a form that langsmith .* does not know"),
        (200, ["no page"], r"answers in a form that langsmith .* does not know"),
    ],
)
def test_other_failures_are_no_reason_to_ask_in_the_old_way(
    smith: Any, app: str, status: int, body: Any, message: str
) -> None:
    """What the server says of the query is the error."""
    smith.busy(status, body, at=NEW)
    with pytest.raises(ExampleError, match=message):
        examples_of("langsmith-runs:app")
    assert queries(smith) == [NEW]


@pytest.mark.parametrize("path", ["", "/", "/api", "/api/v1", "/api/v1/"])
def test_the_query_is_found_beside_any_form_of_the_endpoint(smith: Any, app: str, monkeypatch: Any, path: str) -> None:
    """LANGSMITH_ENDPOINT may end with the path of the first version, which the newer query is not under."""
    monkeypatch.setenv("LANGSMITH_ENDPOINT", smith.url + path)
    get_env_var.cache_clear()
    assert numbers("langsmith-runs:app") == [4, 3, 2, 1, 0]
    assert queries(smith) == [NEW, NEW, NEW]


def test_the_loopback_server_speaks_as_the_sdk_does(smith: Any, app: str) -> None:
    """The SDK's own query, where it has one, reads the same runs from the server of these tests."""
    client = Client(auto_batch_tracing=False)
    if not hasattr(client, "runs"):
        pytest.skip("this version of the SDK has no query for newer servers")

    async def read() -> list[Any]:
        how = {"is_root": True, "min_start_time": "2026-01-01T00:00:00Z", "selects": ["ID", "INPUTS"], "page_size": 2}
        return [run.inputs async for run in client.runs.query(project_ids=[app], **how)]

    assert asyncio.run(read()) == [{"n": n} for n in (4, 3, 2, 1, 0)]
