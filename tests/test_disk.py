"""A disk that is full and folders that cannot be written: said clearly, nothing lost, and the same call goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from langchain_openai import ChatOpenAI
from langgraph.graph import START, StateGraph
from pydantic import SecretStr
from typer.testing import CliRunner
from typing_extensions import TypedDict

from langgraph_gepa import Budget, Result, optimize
from langgraph_gepa.cli import app
from langgraph_gepa.core.events import RolloutFinished
from langgraph_gepa.demo.server import Answer, Request, SimulatedServer
from langgraph_gepa.errors import Error, RunError

PROMPT = "Answer the question with one word."
EXAMPLES = [{"inputs": {"question": f"question {n}"}} for n in range(30)]
Room = Callable[[bool], None]
"""Makes the disk small (True) or roomy (False)."""


class State(TypedDict, total=False):
    question: str
    answer: str


def chat(url: str) -> ChatOpenAI:
    return ChatOpenAI(model="simulated", base_url=url, api_key=SecretStr("none"), max_retries=0)


def graph(url: str) -> Any:
    """A call whose answer no compression makes smaller than 15 kB."""
    model = chat(url)

    async def node(state: State) -> State:
        return {"answer": (await model.ainvoke([("system", PROMPT), ("user", state["question"])])).text}

    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder.compile()


def answer(request: Request, rng: Random) -> Answer:
    return Answer("```\nAnswer with care.\n```" if PROMPT in request.user else rng.randbytes(15_000).hex())


@pytest.fixture
def server() -> Iterator[SimulatedServer]:
    with SimulatedServer({"simulated": answer}) as running:
        yield running


def search(server: SimulatedServer, folder: Path) -> Result:
    return optimize(
        graph(server.base_url), EXAMPLES[:3], EXAMPLES, metric=lambda outputs: len(outputs["answer"]) % 7 / 7,
        reflection_lm=chat(server.base_url), budget=Budget(iterations=2), run=folder, search="gepa",
        concurrency=1, in_flight=1, progress=False,
    )  # fmt: skip


def mounted(place: Path, options: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    return sys.platform == "linux" and os.geteuid() == 0 and not subprocess.run(command, capture_output=True).returncode


@contextmanager
def small_filesystem(place: Path) -> Iterator[Room]:
    """A file system of half a megabyte, or of sixteen."""
    place.mkdir()
    if not mounted(place, "size=512k"):
        pytest.skip("this machine lets no test mount a file system")
    try:
        yield lambda full: subprocess.run(
            ["mount", "-o", f"remount,size={'512k' if full else '16m'}", str(place)], check=True
        )
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@contextmanager
def small_files(place: Path) -> Iterator[Room]:
    """No file of this process may grow beyond 400 kB, or any may. Fails as a full disk does, by another number."""
    resource = pytest.importorskip("resource")
    place.mkdir()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def room(full: bool) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, before[1]) if full else before)

    room(True)
    try:
        yield room
    finally:
        room(False)


@pytest.mark.parametrize("disk", [small_filesystem, small_files])
def test_a_full_disk_ends_the_run_and_room_lets_it_go_on(tmp_path: Path, server: SimulatedServer, disk: Any) -> None:
    """The error names the place and the fix; what was paid before is kept; at most the call under way is paid twice."""
    folder = tmp_path / "disk" / "run"
    with disk(tmp_path / "disk") as room:
        with pytest.raises(RunError, match=r"make room|fix it") as stopped:
            search(server, folder)
        assert str(folder) in str(stopped.value)
        assert "resume the run" in str(stopped.value)
        requests, tokens = server.requests - 1, server.tokens  # the reflection model was tried first
        assert requests > 5
        kept = finished(folder)
        assert requests - len(kept) <= 1
        room(False)
        result = search(server, folder)
        assert finished(folder)[: len(kept)] == kept
        again = server.requests - 1 - len(finished(folder)) - result.pool.spent.reflections
        assert again == requests - len(kept)
        assert server.tokens - result.pool.spent.usage.tokens in (0, tokens // requests)
        assert (folder / "report.html").stat().st_size > 1000


def finished(folder: Path) -> list[str]:
    return [e.ledger for _, e in Result.open(folder).saved.events if isinstance(e, RolloutFinished)]


@pytest.mark.parametrize("file", ["report.html", "prompts.json"])
def test_a_page_that_cannot_be_written_hides_no_result(
    tmp_path: Path, server: SimulatedServer, file: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The search's result comes back, and what could not be written is said with the way to get it."""
    result = search(server, tmp_path / "run")
    assert not (result.run / f"{file}.partial").exists()
    (result.run / file).unlink()
    (result.run / file).mkdir()
    again = search(server, tmp_path / "run")
    assert again.prompts == result.prompts
    assert f"{result.run / file} could not be written" in caplog.text
    assert "langgraph-gepa report" in caplog.text


def test_a_command_that_cannot_write_says_so(tmp_path: Path, server: SimulatedServer) -> None:
    """`report` into a folder that takes no page is a sentence and exit code 2, no traceback."""
    result = search(server, tmp_path / "run")
    (result.run / "report.html").unlink()
    (result.run / "report.html").mkdir()
    done = CliRunner().invoke(app, ["report", str(result.run)])
    assert done.exit_code == 2
    assert f"{result.run / 'report.html'} cannot be written" in done.stderr


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_paid(
    tmp_path: Path, server: SimulatedServer
) -> None:
    """Under a file, and on a file system that is read-only."""
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match="Give another folder") as refused:
        search(server, tmp_path / "file" / "run")
    assert str(tmp_path / "file" / "run") in str(refused.value)
    assert server.requests == 0


def test_a_read_only_run_is_shown_and_not_gone_on_with(tmp_path: Path, server: SimulatedServer) -> None:
    """On a file system mounted read-only a run can be read; going on, and a new one, are refused at no cost."""
    place = tmp_path / "disk"
    with small_filesystem(place) as room:
        room(False)
        result = search(server, place / "run")
        paid = server.requests
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        assert Result.open(place / "run").prompts == result.prompts
        for folder in ("run", "new"):
            with pytest.raises(Error) as refused:
                search(server, place / folder)
            assert str(place / folder) in str(refused.value)
        assert server.requests == paid
