"""Runs share one event loop, and signals stop them gently."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from langgraph_gepa.errors import Interrupted, UsageError
from langgraph_gepa.session import Brake, run

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
    """The brake is pulled, the coroutine ends as it sees fit, and then `KeyboardInterrupt` is raised."""
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt) as stopped:
        signalled(signal.SIGINT)
    assert str(stopped.value.__cause__) == "by Ctrl-C"
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
