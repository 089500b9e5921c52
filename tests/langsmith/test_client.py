"""What can go wrong on the way to LangSmith, and the error that is raised."""

from __future__ import annotations

import re
import subprocess
import sys
import traceback
from typing import Any

import pytest
from langsmith import Client
from langsmith.utils import get_env_var
from urllib3.util import Retry

from langgraph_gepa.errors import ExampleError, UsageError
from langgraph_gepa.langsmith.client import explained
from langgraph_gepa.runs.examples import examples_of


def set_key(monkeypatch: pytest.MonkeyPatch, key: str | None) -> None:
    monkeypatch.setenv("LANGSMITH_API_KEY", key) if key else monkeypatch.delenv("LANGSMITH_API_KEY")
    get_env_var.cache_clear()


def failure(client: Client) -> UsageError:
    """What is raised when a client that does not try again asks for a project."""
    with pytest.raises(UsageError) as raised, explained("It cannot be read", client):
        client.read_project(project_name="x")
    return raised.value


@pytest.fixture
def client(smith: Any) -> Client:
    return Client(auto_batch_tracing=False, retry_config=Retry(0, raise_on_status=False))


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (None, "no key is set: put one into LANGSMITH_API_KEY"),
        ("wrong-key-of-somebody", r"does not accept the key \(401\): check LANGSMITH_API_KEY"),
        ("other-key-of-somebody", r"the key may not do this \(403\): check .*LANGSMITH_WORKSPACE_ID"),
    ],
)
def test_each_problem_with_the_key_has_its_error(
    smith: Any, monkeypatch: pytest.MonkeyPatch, key: str | None, message: str
) -> None:
    """No key, a wrong one, one that may not: what to check, and the key is nowhere in the error or what led to it."""
    set_key(monkeypatch, key)
    with pytest.raises(ExampleError, match=message) as raised:
        examples_of("langsmith:sums")
    assert key is None or key not in "".join(traceback.format_exception(raised.value))


def test_without_a_key_langchains_service_is_not_called(smith: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where LangSmith is LangChain's own, which answers nobody without a key, the missing key is an error at once."""
    monkeypatch.delenv("LANGSMITH_ENDPOINT")
    set_key(monkeypatch, None)
    with pytest.raises(ExampleError, match="'sums' cannot be read: no key is set"):
        examples_of("langsmith:sums")


def test_a_busy_moment_is_waited_out(smith: Any) -> None:
    """What the SDK tries again is tried again."""
    smith.dataset("sums", [{"inputs": {"n": 1}}])
    smith.busy(503)
    assert len(examples_of("langsmith:sums")) == 1


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (429, {}, r"is busy \(429\): try again in a minute"),
        (500, {}, r"failed \(500\): try again later"),
        (503, {}, r"failed \(503\): try again later"),
        (422, {"detail": "the key lsv2_pt_marked-key-of-langsmith is long."}, r"\(422\): the key <hidden> is long\.$"),
        (200, [{"id": "no uuid"}], "answers in a form that langsmith .* does not know: pip install -U langsmith"),
    ],
)
def test_each_answer_has_its_error(smith: Any, client: Client, status: int, body: Any, message: str) -> None:
    """Each of its failures with what to do, its own words without the key."""
    smith.busy(status, body)
    assert re.search(message, str(failure(client)))


def test_a_place_where_nobody_answers_is_named(smith: Any, client: Client) -> None:
    """A network failure names the place and what sets it, and passes on no part of the key, as the SDK would."""
    client.api_url = "http://127.0.0.1:1"
    raised = failure(client)
    assert str(raised) == (
        "It cannot be read: LangSmith cannot be reached at http://127.0.0.1:1: "
        "check the network and LANGSMITH_ENDPOINT."
    )
    assert "lsv2" not in "".join(traceback.format_exception(raised))


def test_the_sdk_is_loaded_when_it_is_needed() -> None:
    """Importing all of this package loads neither the SDK nor what it brings."""
    names = ["address", "client", "dataset", "messages", "runs"]
    code = "".join(f"import langgraph_gepa.langsmith.{name}\n" for name in names)
    code += "import sys; assert not {'langsmith', 'requests', 'httpx'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
