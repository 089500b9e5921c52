"""Writes a Python program for a task, and runs it against the task's tests: `write` -> `check`.

Invoke it with `{"task": ..., "tests": [...], "speed": ...}`: the task in words, tests as statements such as
`assert f(2) == 4`, and code to be timed. The final state holds the `code`, how many tests `passed`,
the one that `failed` and the `error` (both empty when all is well), and the `seconds` by the clock that `speed`
took, the fastest of up to 25 rounds.

A task may have a `reference`, a program that does it right: tests compare with its names (`reference.f`), which the
answer itself does not see, and `reference_seconds` is what `speed` takes with the reference in the answer's place. The
two are timed in turn, so that a busy machine slows both. A reference that does not run is an error of the task.

The code runs in a process of its own, in an empty folder, with a time limit and, where the system has them, limits
on memory, files and processor time. That stops accidents, not attacks: it may still read files and use the network,
and it shares its process with the tests. Run code for people you do not know in a container. A task with
`toolchain: True` has its code compiled, as kernels for a GPU are: it has minutes, may write files and use all memory.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from typing import Any, TypedDict

from langchain.chat_models import init_chat_model
from langgraph.graph import START, StateGraph

WRITE = "Write the Python function that is asked for. Reply with the code only."
SECONDS, MEGABYTES = 10, 512
TOOLCHAIN_SECONDS = 240  # less than the limit of a rollout, so that feedback says what happened
TOOLCHAIN = ("PATH", "LD_LIBRARY_PATH", "CUDA_HOME", "CUDA_VISIBLE_DEVICES", "ROCM_HOME", "HIP_VISIBLE_DEVICES")
"""The environment variables by which compilers and devices are found."""

RUNNER = """
import json, linecache, os, signal, sys, time, timeit, types
seconds, megabytes, code, tests, speed, program = json.load(sys.stdin)
try:
    import resource
    limits = (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_CORE, 0)
    if megabytes:
        limits += ((resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_NOFILE, 32), (resource.RLIMIT_AS, megabytes << 20))
    for limit, most in limits:
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

def run(source, file, names):
    linecache.cache[file] = len(source), None, source.splitlines(True), file  # kernels' compilers read their source
    exec(compile(source, file, "exec"), names)

def described(error):
    return f"{type(error).__name__}: {error}"[:500]

def too_slow(*_):
    raise TimeoutError("it takes more than half of the time that there is")

def allow(seconds):
    if hasattr(signal, "setitimer"):  # not on Windows
        signal.signal(signal.SIGALRM, too_slow if seconds else signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, seconds)

reference = types.ModuleType("reference")
sys.modules["reference"] = reference.reference = reference
try:
    allow(seconds / 2)
    run(program, "<reference>", reference.__dict__)
    if speed and program:
        exec(speed, reference.__dict__)
    allow(0)
except BaseException as error:
    tell(broken=described(error))
    sys.exit()
del sys.modules["reference"]
answer = types.ModuleType("answer")
sys.modules["answer"] = answer
passed, now = 0, ""
try:
    run(code, "<answer>", answer.__dict__)
    names = {**answer.__dict__, "reference": reference}
    for now in tests:
        exec(now, names)
        passed += 1
    now = speed
    timed = (names, reference.__dict__) if program else (names,)
    timers = [timeit.Timer(speed or "pass", globals=each) for each in timed]
    # what takes no time is timed many times over; of many short rounds another process disturbs some, and not all
    often = [max(1, int(0.002 / max(timer.timeit(1), 1e-6))) for timer in timers]
    rounds, began = [], time.perf_counter()
    while not rounds or (len(rounds) < 25 and time.perf_counter() - began < seconds / 4):
        rounds.append([timer.timeit(n) / n for timer, n in zip(timers, often)])
    took = [min(times) for times in zip(*rounds)]
    tell(passed=passed, failed="", error="", seconds=took[0], reference_seconds=took[-1] if program else 0.0)
except BaseException as error:
    tell(passed=passed, failed=now, error=described(error), seconds=0.0, reference_seconds=0.0)
"""


class State(TypedDict, total=False):
    task: str
    tests: list[str]
    speed: str
    reference: str
    toolchain: bool
    code: str
    passed: int
    failed: str
    error: str
    seconds: float
    reference_seconds: float


model = init_chat_model(
    os.environ.get("OPENAI_MODEL", "gpt-5-mini").removeprefix("openai:"),
    model_provider="openai",
    api_key=os.environ.get("OPENAI_API_KEY", "not set"),  # so that the graph can be looked at without a key
)


def write(state: State) -> State:
    said = model.invoke([("system", WRITE), ("user", state["task"])]).text
    fenced = re.search(r"^```\w*\n(.*?)^```", said, re.DOTALL | re.MULTILINE)
    return {"code": fenced[1] if fenced else said}


def check(state: State) -> State:
    toolchain = state.get("toolchain", False)
    seconds, megabytes = (TOOLCHAIN_SECONDS, 0) if toolchain else (SECONDS, MEGABYTES)
    parts = [state["code"], state["tests"], state.get("speed", ""), state.get("reference", "")]
    with tempfile.TemporaryDirectory() as empty:
        found = outcome(run_apart([seconds, megabytes, *parts], seconds, empty, variables(empty) if toolchain else {}))
    if found is None:
        memory = f" or {megabytes} MB" if megabytes else ""
        stopped = f"It ended without a result, or used more than {seconds} seconds{memory}."
        return {"passed": 0, "failed": "", "error": stopped, "seconds": 0.0, "reference_seconds": 0.0}
    if "broken" in found:
        raise RuntimeError(f"The task's reference program does not run here. {found['broken']}")
    return found


def variables(home: str) -> dict[str, str]:
    """The environment of a compiler: where it is, and `home` for all that it keeps."""
    there = {name: os.environ[name] for name in TOOLCHAIN if name in os.environ}
    return {**there, "HOME": home, "TMPDIR": home}


def run_apart(order: list[object], seconds: int, folder: str, environment: dict[str, str]) -> str:
    """What the runner reports for `order`; nothing if it takes too long. No process that it started is left."""
    with subprocess.Popen(  # noqa: S603 - to run the model's code is the point
        [sys.executable, "-I", "-c", RUNNER], cwd=folder, env=environment, text=True, start_new_session=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            return process.communicate(json.dumps(order), timeout=seconds)[0]
        except subprocess.TimeoutExpired:
            return ""
        finally:  # and all that it started
            process.kill()
            with suppress(AttributeError, ProcessLookupError):  # no groups on Windows; nothing left of it
                os.killpg(process.pid, signal.SIGKILL)


def outcome(report: str) -> Any:
    try:
        return json.loads(report)
    except ValueError:
        return None


graph = StateGraph(State).add_sequence([write, check]).add_edge(START, "write").compile(name="code_writer")
