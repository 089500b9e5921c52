"""Writes a Python function for a task, and runs it against the task's tests: `write` -> `check`.

Invoke it with `{"task": ..., "tests": [...], "speed": ...}`: the task in words, tests as statements such as
`assert f(2) == 4`, and an expression to be timed. The final state holds the `code`, how many tests `passed`,
the one that `failed` and the `error` (both empty when all is well), and the `seconds` by the clock that `speed`
took, the fastest of five.

The code runs in a process of its own, in an empty folder, with a time limit and, where the system has them, limits
on memory, files and processor time. That stops accidents, not attacks: it may still read files and use the network,
and it shares its process with the tests. Run code for people you do not know in a container.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from typing import TypedDict

from langchain.chat_models import init_chat_model
from langgraph.graph import START, StateGraph

WRITE = "Write the Python function that is asked for. Reply with the code only."
SECONDS, MEGABYTES = 10, 512

RUNNER = """
import json, os, sys, timeit
seconds, megabytes, code, tests, speed = json.load(sys.stdin)
try:
    import resource
    for limit, most in ((resource.RLIMIT_CPU, seconds), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_NOFILE, 32),
                        (resource.RLIMIT_CORE, 0), (resource.RLIMIT_AS, megabytes << 20)):
        try:
            resource.setrlimit(limit, (most, most))
        except (OSError, ValueError):
            pass  # macOS has no limit on memory
except ImportError:
    pass  # Windows has none of them
report = os.fdopen(os.dup(1), "w")
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

def tell(**found):
    print(json.dumps(found), file=report, flush=True)

names, passed, now = {"__name__": "answer"}, 0, ""
try:
    exec(code, names)
    for now in tests:
        exec(now, names)
        passed += 1
    now = speed
    timer = timeit.Timer(speed or "pass", globals=names)
    often = max(1, int(0.01 / max(timer.timeit(1), 1e-6)))  # what takes no time is timed many times over
    tell(passed=passed, failed="", error="", seconds=min(timer.repeat(5, often)) / often)
except BaseException as error:
    tell(passed=passed, failed=now, error=f"{type(error).__name__}: {error}"[:500], seconds=0.0)
"""


class State(TypedDict, total=False):
    task: str
    tests: list[str]
    speed: str
    code: str
    passed: int
    failed: str
    error: str
    seconds: float


model = init_chat_model(
    os.environ.get("OPENAI_MODEL", "gpt-5-mini"),
    model_provider="openai",
    api_key=os.environ.get("OPENAI_API_KEY", "not set"),  # so that the graph can be looked at without a key
)


def write(state: State) -> State:
    said = model.invoke([("system", WRITE), ("user", state["task"])]).text
    fenced = re.search(r"^```\w*\n(.*?)^```", said, re.DOTALL | re.MULTILINE)
    return {"code": fenced[1] if fenced else said}


def check(state: State) -> State:
    with tempfile.TemporaryDirectory() as empty, subprocess.Popen(  # noqa: S603 - to run the model's code is the point
        [sys.executable, "-I", "-c", RUNNER], cwd=empty, env={}, text=True, start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            asked = [SECONDS, MEGABYTES, state["code"], state["tests"], state.get("speed", "")]
            report = process.communicate(json.dumps(asked), timeout=SECONDS)[0]
        except subprocess.TimeoutExpired:
            report = ""
        finally:  # and all that it started
            process.kill()
            with suppress(AttributeError, ProcessLookupError):  # no groups on Windows; nothing left of it
                os.killpg(process.pid, signal.SIGKILL)
    try:
        found: State = json.loads(report)
    except ValueError:
        stopped = f"It ended without a result, or used more than {SECONDS} seconds or {MEGABYTES} MB."
        return {"passed": 0, "failed": "", "error": stopped, "seconds": 0.0}
    return found


graph = StateGraph(State).add_sequence([write, check]).add_edge(START, "write").compile(name="code_writer")
