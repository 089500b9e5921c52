"""The least loaded server is next, and one that does not answer rests."""

from __future__ import annotations

import pytest
from langgraph_sdk import get_client

from langgraph_gepa.errors import UsageError
from langgraph_gepa.server.workers import LONGEST_REST, Worker, Workers, worker_at


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def three() -> tuple[Clock, Workers, list[Worker]]:
    workers = [worker_at(f"http://127.0.0.1:{port}") for port in (1, 2, 3)]
    return (clock := Clock()), Workers(workers, clock), workers


def test_the_least_loaded_is_next() -> None:
    """Rollouts are dealt out evenly, and go where one has ended."""
    _, workers, (first, second, third) = three()
    for _ in range(6):
        workers.next().under_way += 1
    assert [first.under_way, second.under_way, third.under_way] == [2, 2, 2]
    second.under_way = 1
    assert workers.next() is second


def test_one_that_fails_rests_longer_each_time_and_is_tried_with_one_rollout() -> None:
    """What fails together counts once; after its rest it gets a single rollout, until that answers."""
    clock, workers, (first, second, third) = three()
    assert workers.failed(first)
    assert not workers.failed(first)
    assert first.failures == 1
    second.under_way = third.under_way = 9
    assert workers.next() in (second, third)
    clock.now = first.rests_until
    assert workers.next() is first
    first.under_way = 1
    assert workers.next() in (second, third)
    for _ in range(20):
        clock.now = first.rests_until
        workers.failed(first)
    assert first.rests_until - clock.now == LONGEST_REST


def test_where_none_answers_the_one_whose_rest_ends_first_is_tried() -> None:
    """The engine's own patience decides how long that goes on."""
    clock, workers, (first, second, third) = three()
    for worker in (third, first, second):
        workers.failed(worker)
        clock.now += 0.1
    assert workers.none_answers
    assert workers.next() is third


def test_an_address_shows_no_credentials_and_may_name_the_graph() -> None:
    """What is kept of a server in a run's folder and in messages is where it is, and nothing secret."""
    worker = worker_at("https://ada:secret@host:8123/api?key=secret#other")
    assert (worker.url, worker.graph) == ("https://host:8123/api#other", "other")
    assert worker_at("http://host/").url == "http://host"


def test_a_client_keeps_its_own_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key of the environment is used as by any other client, unless a client of the user's has headers."""
    monkeypatch.setenv("LANGSMITH_API_KEY", "from the environment")
    assert worker_at("http://host").client.http.client.headers["x-api-key"] == "from the environment"
    own = get_client(url="http://host", api_key="own", headers={"x-team": "red"})
    headers = worker_at(own).client.http.client.headers
    assert (headers["x-api-key"], headers["x-team"]) == ("own", "red")


@pytest.mark.parametrize("address", ["localhost:2024", "ftp://host", "http://", "", 3, None])
def test_what_is_no_server_is_refused(address: object) -> None:
    """Before anything is asked."""
    with pytest.raises(UsageError):
        worker_at(address)
