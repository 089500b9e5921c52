"""The live page over HTTP: who gets an answer, and what may be written."""

from __future__ import annotations

import http.client
import json
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from langgraph_gepa.errors import UsageError
from langgraph_gepa.store.lock import lock
from langgraph_gepa.ui.page_server import Server, is_loopback, served


@pytest.fixture
def run(started: Path, tmp_path: Path) -> Path:
    (tmp_path / "runs" / "one").mkdir(parents=True)
    shutil.copy(started / "run.db", tmp_path / "runs" / "one")
    return tmp_path / "runs" / "one"


@pytest.fixture
def server(run: Path) -> Iterator[Server]:
    with served(run) as server:
        yield server


def request(
    server: Server, path: str = "", method: str = "GET", token: str | None = None, **headers: str
) -> tuple[int, str, http.client.HTTPMessage]:
    connection = http.client.HTTPConnection(str(urlsplit(server.url).netloc), timeout=30)
    base = urlsplit(server.url).path if token is None else f"/{token}/"
    connection.request(method, base + path, headers=headers)
    reply = connection.getresponse()
    body = reply.read().decode()
    connection.close()
    return reply.status, body, reply.headers


def origin(server: Server) -> str:
    return f"http://{urlsplit(server.url).netloc}"


def test_the_address_with_the_token_shows_the_run(server: Server) -> None:
    """The page has the report's sections, and asks for its own style and script by their hashes only."""
    status, page, headers = request(server)
    assert status == 200
    assert 'id="summary"' in page
    assert "script-src &#39;sha256-" in page
    assert "unsafe" not in page.split("</head>")[0].split("<style>")[0]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("token", ["", "x", "x" * 32, "%E2%82%AC", "..", "*"])
def test_without_the_token_there_is_nothing(server: Server, token: str) -> None:
    """Neither the page nor the state of the run, whatever stands in the token's place."""
    for path in ("", "state", "stop"):
        status, body, _ = request(server, path, token=token)
        assert status == 403
        assert "Sort the letter" not in body


@pytest.mark.parametrize("name", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "10.0.0.7"])
def test_a_name_that_was_bound_to_this_address_is_refused(server: Server, name: str) -> None:
    """A page of somebody else's that resolves its own name to loopback gets nothing, even with the token."""
    assert request(server, Host=name)[0] == 403


def test_this_machine_may_be_named_in_any_way(server: Server) -> None:
    """By its address of either kind, or as localhost."""
    for name in ("localhost:1", "127.0.0.1", "[::1]:8000"):
        assert request(server, Host=name)[0] == 200


def test_reading_writes_nothing(server: Server, run: Path) -> None:
    """No file appears in the run's folder, and its database stays byte for byte."""
    before = (run / "run.db").read_bytes()
    for path in ("", "state", "stop", "run.db", "report.html", "../run.db", "%2e%2e/run.db"):
        request(server, path)
    assert [file.name for file in run.iterdir()] == ["run.db"]
    assert (run / "run.db").read_bytes() == before


def test_files_are_not_served(server: Server) -> None:
    """An address is none of a file, however it is spelled."""
    for path in ("run.db", "../one/run.db", "%2e%2e%2fone%2frun.db", "state/", "run/one/"):
        assert request(server, path)[0] == 404


def test_stopping_needs_a_request_from_the_page_itself(server: Server, run: Path) -> None:
    """A POST of another origin's, or of none, writes no stop file; the page's own does."""
    with lock(run / "run.lock"):
        assert request(server, "stop", "POST")[0] == 403
        assert request(server, "stop", "POST", Origin="https://evil.example")[0] == 403
        assert request(server, "stop", "POST", Origin="null")[0] == 403
        assert request(server, "stop", "POST", token="x", Origin=origin(server))[0] == 403
        assert not (run / "stop").exists()
        status, body, _ = request(server, "stop", "POST", Origin=origin(server))
    assert (status, body) == (200, "Stopping when the rollouts under way have ended.")
    assert (run / "stop").exists()


def test_a_run_that_nobody_works_on_cannot_be_stopped(server: Server, run: Path) -> None:
    """The answer says so, and nothing is written."""
    status, body, _ = request(server, "stop", "POST", Origin=origin(server))
    assert status == 409
    assert "nothing to stop" in body
    assert not (run / "stop").exists()


def test_the_state_names_what_the_page_shows(server: Server) -> None:
    """A page asks for the state alone, and for the rest only when it differs."""
    state = json.loads(request(server, "state")[1])
    assert state == {"version": request(server)[2]["X-Version"], "running": False}


def test_a_folder_of_runs_is_a_list_with_comparisons(run: Path) -> None:
    """Each run has an address below the list; a name that is none of the list's leads nowhere."""
    other = run.parent / "two <b>"
    shutil.copytree(run, other)
    with served(run.parent) as server:
        status, page, _ = request(server)
        assert status == 200
        assert "two &lt;b&gt;" in page
        assert "<b>two" not in page
        assert request(server, "run/one/")[0] == 200
        assert request(server, "run/two%20%3Cb%3E/state")[0] == 200
        assert request(server, "run/one")[0] == 308
        assert request(server, "compare?one=one&two=two%20%3Cb%3E")[0] == 200
        for path in ("run/../", "run/%2e%2e/", "run/..%2Fone/", "compare?one=one&two=..", "run/three/", "state"):
            assert request(server, path)[0] == 404


def test_a_folder_where_a_run_will_be_waits_for_it(tmp_path: Path) -> None:
    """`optimize --ui` serves the page before the run's folder exists."""
    with served(tmp_path / "soon") as server:
        status, page, _ = request(server)
        assert status == 200
        assert "Nothing to show yet" in page


def test_a_port_that_is_taken_is_a_mistake_with_a_fix(server: Server, run: Path) -> None:
    """The message names the option."""
    with pytest.raises(UsageError, match="--port"), served(run, port=server.server_address[1]):
        pass


def test_only_loopback_needs_no_warning() -> None:
    """Addresses of this machine alone, by number or name."""
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "192.168.1.2", "::", "example.org")))  # noqa: S104


def test_details_are_answered_from_the_database_on_demand(server: Server) -> None:
    """An example with the calls of both candidates, one rollout, and how a candidate and an iteration came about."""
    example = request(server, "example?subset=pareto&id=letter-6")[1]
    assert "first difference" in example
    assert "Sort the letter." in example
    story = request(server, "candidate?id=1")[1]
    assert "What its reflection saw" in story
    assert "<ins>" in story or 'class="added"' in story
    ledger = story.split("rollout?ledger=")[1].split('"')[0]
    assert "simulated-clerk" in request(server, f"rollout?ledger={ledger}")[1]
    status, page, headers = request(server, "iteration?number=1")
    assert status == 200
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "<html" not in page


@pytest.mark.parametrize(
    "path",
    ["example", "example?subset=pareto&id=none", "example?subset=x&id=letter-6", "rollout?ledger=asked", "rollout",
     "candidate?id=999", "candidate?id=-1", "candidate?id=%C2%B2", "candidate?id=1e3", "iteration?number=" + "9" * 500],
)  # fmt: skip
def test_details_of_nothing_are_not_found(server: Server, path: str) -> None:
    """Whatever a query names that the run does not have."""
    assert request(server, path)[0] == 404


def test_a_page_that_is_open_gets_the_end_of_the_run(run: Path) -> None:
    """The server of a search waits for it a moment before it goes; without an open page it goes at once."""
    shown: list[str] = []
    with served(run, patience=20.0) as server:

        def follow() -> None:
            while json.loads(request(server, "state")[1])["version"] == before:
                time.sleep(0.02)
            shown.append(request(server)[2]["X-Version"])

        before = request(server)[2]["X-Version"]
        (run / "run.db").touch()  # as if the run had gone on
        request(server, "state")
        reader = threading.Thread(target=follow)
        reader.start()
    reader.join()
    assert shown[0] != before


def test_a_server_that_nobody_looks_at_ends_at_once(run: Path) -> None:
    """No search waits for a page that was never opened."""
    began = time.monotonic()
    with served(run, patience=60.0):
        pass
    assert time.monotonic() - began < 30
