"""The graph that writes a function runs it apart, within limits, and says what went wrong."""

from __future__ import annotations

import importlib.util
import os
import random
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from langgraph_gepa.demo.server import Answer, Request, SimulatedServer

GRAPH = Path(__file__).parents[2] / "graphs" / "code_writer.py"
TASK = {"task": "double(n)", "tests": ["assert double(2) == 4", "assert double(-1) == -2"], "speed": "double(7)"}


@pytest.fixture
def writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("code_writer", GRAPH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def checked(writer: ModuleType, code: str, **task: Any) -> dict[str, Any]:
    return dict(writer.check({**TASK, "code": code, **task}))


def test_what_the_model_writes_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the task to the tests over HTTP, fenced reply and all; the prompt is the one module."""

    def coder(request: Request, rng: random.Random) -> Answer:
        return Answer(f"Sure:\n```python\ndef {request.user}:\n    return 2 * n\n```\nDone.")

    with SimulatedServer({"simulated-coder": coder}) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_MODEL", "openai:simulated-coder")
        spec = importlib.util.spec_from_file_location("code_writer", GRAPH)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        state = module.graph.invoke(TASK)
    assert (state["passed"], state["failed"], state["error"]) == (2, "", "")
    assert 0 < state["seconds"] < 1


@pytest.mark.parametrize(
    ("code", "passed", "failed", "error"),
    [
        ("double = lambda n: n * n", 1, "assert double(-1) == -2", "AssertionError"),
        ("double = lambda n: 2 * n if n > 0 else 1 / 0", 1, "assert double(-1) == -2", "ZeroDivisionError: division"),
        ("def double(n) return 2 * n", 0, "", "SyntaxError"),
        ("double = lambda n: 2 * n if n < 7 else n.x", 2, "double(7)", "AttributeError"),
        ("double = lambda n: exit()", 0, "assert double(2) == 4", "SystemExit"),
        ("import os; os._exit(0)", 0, "", "It ended without a result"),
        ("import os; os.kill(os.getpid(), 9)", 0, "", "It ended without a result"),
    ],
)
def test_the_first_failure_is_told(writer: ModuleType, code: str, passed: int, failed: str, error: str) -> None:
    """How far it came, at which test, and why; no code brings the graph down."""
    found = checked(writer, code)
    assert (found["passed"], found["failed"]) == (passed, failed)
    assert found["error"].startswith(error)


def test_what_it_prints_does_not_disturb(writer: ModuleType) -> None:
    """Only the runner speaks to the graph, whatever the code says."""
    code = 'import os\ndef double(n):\n    print("{}")\n    os.write(1, b"[]")\n    return 2 * n'
    assert checked(writer, code)["passed"] == 2


@pytest.mark.skipif(os.name != "posix", reason="the system has no such limits")
def test_code_is_kept_within_its_limits(writer: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time and files are limited, and nothing of our environment is there to read."""
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    assert checked(writer, "import os\nassert 'OPENAI_API_KEY' not in os.environ", tests=[], speed="")["error"] == ""
    assert "File too large" in checked(writer, "open('big', 'wb', buffering=0).write(b'x')", tests=[])["error"]
    monkeypatch.setattr(writer, "SECONDS", 1)
    began = time.monotonic()
    for code in ("while True: pass", "import time; time.sleep(60)"):
        assert "more than 1 seconds" in checked(writer, code)["error"]
    assert time.monotonic() - began < 30


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes as Linux shows them")
def test_memory_is_limited_and_no_process_is_left(writer: ModuleType) -> None:
    """A list that eats the machine is an error like any other, and what the code started ends with it."""
    assert "MemoryError" in checked(writer, "double = [0] * (1 << 40)")["error"]
    child = f"subprocess.Popen([{sys.executable!r}, '-c', 'import time; time.sleep(60)'])"
    error = checked(writer, f"import subprocess\nraise ValueError({child}.pid)")["error"]
    state, began = Path(f"/proc/{int(error.removeprefix('ValueError: '))}/stat"), time.monotonic()
    while state.exists() and state.read_text().rpartition(")")[2].split()[0] not in "ZX":
        assert time.monotonic() - began < 10


def test_time_is_told_also_where_it_is_short(writer: ModuleType) -> None:
    """A clock's tick does not make fast code take no time at all, and slower code takes longer."""
    quick, slow = "double = lambda n: 2 * n", "double = lambda n: sum(2 for _ in range(n * 1000)) // 1000"
    told = [checked(writer, code, tests=TASK["tests"][:1])["seconds"] for code in (quick, slow)]
    assert 0 < 20 * told[0] < told[1]


REFERENCE = "def double(n):\n    return sum(2 for _ in range(n))"
COMPARED = {"tests": ["assert double(3) == reference.double(3)"], "reference": REFERENCE, "speed": "double(4000)"}


def test_an_answer_is_compared_with_the_reference(writer: ModuleType) -> None:
    """Tests use the reference's names, and both are timed on the same expression."""
    right = checked(writer, "double = lambda n: 2 * n", **COMPARED)
    assert (right["passed"], right["error"]) == (1, "")
    assert 0 < 10 * right["seconds"] < right["reference_seconds"]
    wrong = checked(writer, "double = lambda n: n", **COMPARED)
    assert (wrong["passed"], wrong["failed"]) == (0, COMPARED["tests"][0])
    assert checked(writer, "double = lambda n: 2 * n")["reference_seconds"] == 0
    assert checked(writer, "double = lambda n: 2 * n", **COMPARED | {"speed": "x = double(7)"})["error"] == ""


@pytest.mark.parametrize("code", ["double = lambda n: reference.double(n)", "from reference import double"])
def test_an_answer_does_not_see_the_reference(writer: ModuleType, code: str) -> None:
    """It cannot pass a test by calling what it is compared with."""
    found = checked(writer, code, **COMPARED)
    assert found["passed"] == 0
    assert "reference" in found["error"]


@pytest.mark.parametrize("program", ["import no_such_toolchain", "def double(m)", "def treble(n): return 3 * n"])
def test_a_reference_that_does_not_run_is_the_task_s_error(writer: ModuleType, program: str) -> None:
    """No answer is blamed for it."""
    with pytest.raises(RuntimeError, match=r"reference program does not run here\. \w+: "):
        checked(writer, "double = lambda n: 2 * n", **{**COMPARED, "reference": program})


@pytest.mark.skipif(os.name != "posix", reason="the system has no such limits")
@pytest.mark.parametrize("program", ["while True: pass", "def double(n):\n    while True: pass"])
def test_a_reference_that_takes_too_long_is_the_task_s_error(
    writer: ModuleType, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    """The answer has at least half of the time."""
    monkeypatch.setattr(writer, "SECONDS", 2)
    with pytest.raises(RuntimeError, match="TimeoutError: it takes more than half"):
        checked(writer, "double = lambda n: 2 * n", **{**COMPARED, "reference": program})


def test_slow_programs_are_timed_less_often(writer: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes long is timed at least once, and the time limit is not spent on more."""
    monkeypatch.setattr(writer, "SECONDS", 4)
    slow = "import time\ndef double(n):\n    time.sleep(0.15)\n    return 2 * n"
    found = checked(writer, slow, **{**COMPARED, "reference": slow})
    assert found["error"] == ""
    assert found["seconds"] > 0.14


@pytest.mark.skipif(os.name != "posix", reason="the system has no such limits")
def test_a_toolchain_is_found_and_may_write(writer: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compilers are on the path, their caches in the folder that is deleted, and keys stay hidden."""
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    code = (
        "import os, pathlib\nhome = pathlib.Path.home()\n(home / 'kernel.o').write_bytes(b'x')\n"
        "double = lambda n: (os.environ['PATH'], 'OPENAI_API_KEY' in os.environ, home == pathlib.Path.cwd())"
    )
    test = f"assert double(0) == ({os.environ['PATH']!r}, False, True)"
    assert checked(writer, code, tests=[test], toolchain=True)["error"] == ""


def test_a_compiler_can_read_the_answer_s_source(writer: ModuleType) -> None:
    """Compilers of kernels read the source of a function with `inspect`."""
    code = "import inspect\ndef double(n):\n    return 2 * n\ntext = inspect.getsource(double)"
    assert checked(writer, code, tests=["assert 'return 2 * n' in text"])["error"] == ""
