"""Runs share one event loop, and signals stop them gently."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langchain_openai import ChatOpenAI
from langgraph.graph import START, StateGraph
from pydantic import SecretStr
from typing_extensions import TypedDict

from langgraph_gepa import Budget, Result, RunnerOptions, evaluate, optimize
from langgraph_gepa.demo.server import Answer, SimulatedServer
from langgraph_gepa.errors import Interrupted, UsageError
from langgraph_gepa.runs.event_loop import GRACE, Brake, run
from langgraph_gepa.runs.saved_run import SavedRun

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to a single process")


async def loop_of(_: Brake) -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def signalled(number: int, *, heeds: bool = True) -> None:
    """A run that sends its process a signal, and when it does not heed that, a second one."""

    async def work(brake: Brake) -> None:
        pulled = asyncio.Event()
        brake.on_pull = lambda _: pulled.set() if heeds else os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        await pulled.wait()
        raise Interrupted(f"by {brake.by}")

    run(work)


def test_all_runs_share_one_loop() -> None:
    """Wherever a run is started: from plain code, from a thread, or inside a loop of somebody else's."""

    async def elsewhere() -> asyncio.AbstractEventLoop:
        return run(loop_of)

    with ThreadPoolExecutor(1) as threads:
        loops = {run(loop_of), run(loop_of), threads.submit(run, loop_of).result(), asyncio.run(elsewhere())}
    assert len(loops) == 1


def test_a_run_inside_a_runs_loop_is_refused() -> None:
    """It would wait for ever for the loop it holds up; in a thread of its own it is fine."""

    async def nested(_: Brake) -> asyncio.AbstractEventLoop:
        with pytest.raises(UsageError, match="to_thread"):
            run(loop_of)
        return await asyncio.to_thread(run, loop_of)

    assert run(nested) is run(loop_of)


@pytest.mark.parametrize("error", [ValueError, TimeoutError, Interrupted, asyncio.CancelledError])
def test_what_the_coroutine_raises_is_raised(error: type[Exception]) -> None:
    """Its own time-out is not mistaken for one of waiting, nor a cancellation for Ctrl-C."""

    async def fails(_: Brake) -> None:
        raise error

    with pytest.raises(Exception) as caught:
        run(fails)
    assert caught.type.__name__ == error.__name__


@posix
def test_ctrl_c_is_gentle_the_first_time() -> None:
    """The brake is pulled, the coroutine ends as it sees fit, and then `KeyboardInterrupt` is raised, by itself."""
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt) as stopped:
        signalled(signal.SIGINT)
    assert stopped.value.__cause__ is None
    assert signal.getsignal(signal.SIGINT) is before


@posix
def test_ctrl_c_twice_ends_at_once() -> None:
    """A coroutine that does not heed the brake is cancelled."""
    with pytest.raises(KeyboardInterrupt):
        signalled(signal.SIGINT, heeds=False)


@posix
def test_a_polite_kill_is_an_interruption() -> None:
    """SIGTERM, as a scheduler sends it, stops a run as gently, but it is no Ctrl-C."""
    with pytest.raises(Interrupted, match="by SIGTERM"):
        signalled(signal.SIGTERM)


@posix
def test_a_polite_kill_twice_ends_at_once_with_a_word() -> None:
    """Not with a traceback of a cancellation."""
    with pytest.raises(Interrupted, match="SIGTERM, twice"):
        signalled(signal.SIGTERM, heeds=False)


@posix
@posix
def test_a_brake_that_two_pulled_names_both() -> None:
    """A stop file and then a signal; the loop need not have looked at the first."""

    async def work(brake: Brake) -> None:
        loop = asyncio.get_running_loop()
        brake.pull("the file 'stop'", loop)
        brake.pull("SIGTERM", loop)
        await asyncio.Event().wait()

    with pytest.raises(Interrupted, match=r"^the file 'stop', then SIGTERM$"):
        run(work)


@posix
def test_ctrl_c_after_a_stop_file_is_ctrl_c() -> None:
    """It ends the run at once, and the program as any other Ctrl-C does."""

    async def work(brake: Brake) -> None:
        brake.pull("the file 'stop'", asyncio.get_running_loop())
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()

    with pytest.raises(KeyboardInterrupt):
        run(work)


def test_code_that_holds_up_the_loop_holds_up_nobody_who_stops_it_twice() -> None:
    """An async node that blocks, where nothing can be cancelled: the caller goes on after `GRACE`."""
    freed = threading.Event()

    async def work(brake: Brake) -> None:
        pulled = asyncio.Event()
        brake.on_pull = lambda _: pulled.set()
        os.kill(os.getpid(), signal.SIGINT)
        await pulled.wait()
        os.kill(os.getpid(), signal.SIGINT)
        freed.wait(60)

    started = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            run(work)
        assert time.monotonic() - started < GRACE + 2
    finally:
        freed.set()


class State(TypedDict, total=False):
    question: str


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_the_second_signal_ends_a_run_whose_node_hangs_in_a_thread(tmp_path: Path, number: int) -> None:
    """Within two seconds; the model call before the hang is charged, what had ended is kept, and the folder goes on."""
    freed = threading.Event()
    hangs, pulled = [True], list[float]()

    class Impatient(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "again stops at once" in record.getMessage():
                pulled.append(time.monotonic())
                os.kill(os.getpid(), number)

    def search(server: SimulatedServer) -> Result:
        model = ChatOpenAI(model="m", base_url=server.base_url, api_key=SecretStr("none"), max_retries=0)

        def node(state: State) -> State:
            model.invoke([("system", "Answer the question with one word."), ("user", state["question"])])
            if state["question"] == "c" and hangs[0]:
                os.kill(os.getpid(), number)
                freed.wait()
            return {}

        builder = StateGraph(State)
        builder.add_node("node", node)
        builder.add_edge(START, "node")
        data = [{"inputs": {"question": name}} for name in "abc"]
        return optimize(
            builder.compile(), data, data, metric=lambda rollout: float(not rollout.error),
            reflection_lm=model, concurrency=1, budget=Budget(iterations=1), run=tmp_path / "run", progress=False,
            options=RunnerOptions(timeout=None),
        )  # fmt: skip

    logger, handler = logging.getLogger("langgraph_gepa.runs.job"), Impatient()
    logger.addHandler(handler)
    try:
        with SimulatedServer({"m": lambda *_: Answer("word")}) as server:
            with pytest.raises(BaseException) as stopped:
                search(server)
            assert time.monotonic() - pulled[0] < 2
            assert isinstance(stopped.value, KeyboardInterrupt if number == signal.SIGINT else Interrupted)
            assert "goes on" in str(stopped.value)
            spent = SavedRun.open(tmp_path / "run").pool.spent
            assert (spent.rollouts, spent.lost.tokens > 0) == (2, True)
            assert spent.usage.tokens == server.tokens
            hangs[0] = False
            assert search(server).pool.spent.rollouts == 3
    finally:
        freed.set()
        logger.removeHandler(handler)


HANGING = """
import sys, threading
from langchain_core.language_models import FakeListChatModel
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

class State(TypedDict, total=False):
    question: str

model = FakeListChatModel(responses=["word"])

def hang(state):
    sys.stderr.write("hanging\\n")  # at once: two threads say it
    threading.Event().wait()

def node(state):
    model.invoke([("system", "Answer the question with one word."), ("user", state["question"])])
    builder = StateGraph(State)
    for name in "ab":  # side by side, in threads that Python waits for when it ends
        builder.add_node(name, hang).add_edge(START, name)
    builder.compile().invoke(state)

graph = StateGraph(State).add_node("node", node).add_edge(START, "node").compile()

def score(outputs):
    return 1.0
"""


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 3)], ids=["Ctrl-C", "SIGTERM"])
def test_the_second_signal_ends_the_command_whatever_hangs_in_it(tmp_path: Path, number: int, code: int) -> None:
    """Its last word is how to go on; no traceback, and no thread of a node's keeps the process alive."""
    (tmp_path / "app.py").write_text(HANGING)
    (tmp_path / "data.jsonl").write_text('{"inputs": {"question": "a"}}\n{"inputs": {"question": "b"}}\n')
    words = "optimize app.py:graph --train data.jsonl --val data.jsonl --metric app.py:score --iterations 1 --run run"
    command = [sys.executable, "-m", "langgraph_gepa", *words.split(), "--reflection-lm", "openai:simulated"]
    env = os.environ | {"OPENAI_API_KEY": "simulated", "PYTHONPATH": os.pathsep.join(sys.path)}
    output, interrupted, pulled = "", False, 0.0
    with (
        SimulatedServer({"simulated": lambda *_: Answer("word")}) as server,
        subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=env | {"OPENAI_BASE_URL": server.base_url}
        ) as process,
    ):
        assert process.stderr is not None
        last_resort = threading.Timer(90, process.kill)
        last_resort.start()
        for line in process.stderr:
            output += line
            if "hanging" in line and output.count("hanging") >= 4 and not interrupted:
                interrupted = True
                process.send_signal(number)
            elif "again stops at once" in line:
                pulled = time.monotonic()
                process.send_signal(number)
        process.wait()
        last_resort.cancel()
    assert pulled, output
    assert time.monotonic() - pulled < 5
    assert process.returncode == code, output
    assert "goes on." in output.splitlines()[-1]
    assert "Traceback" not in output


def test_a_graph_can_be_called_in_the_users_loop_before_and_after_a_run() -> None:
    """As in a notebook: pools hold connections of one loop that fail in the other. None is scored, none is left."""
    with SimulatedServer({"m": lambda *_: Answer("yes")}) as server:
        model = ChatOpenAI(model="m", base_url=server.base_url, api_key=SecretStr("none"), max_retries=0)

        async def ask(_: State) -> State:
            answer = await model.ainvoke([("system", "Say yes."), ("user", "Well?")])
            return {"question": answer.text}

        graph = StateGraph(State).add_node("ask", ask).add_edge(START, "ask").compile()
        examples = [{"inputs": {"question": str(n)}} for n in range(8)]

        async def notebook() -> list[Any]:
            await asyncio.gather(*(graph.ainvoke({"question": "before"}) for _ in range(4)))
            found = evaluate(graph, examples, metric=lambda outputs: outputs["question"] == "yes", concurrency=4)
            assert found.before.mean == 1.0
            return await asyncio.gather(*(graph.ainvoke({"question": "after"}) for _ in range(4)))

        assert asyncio.run(notebook()) == [{"question": "yes"}] * 4
