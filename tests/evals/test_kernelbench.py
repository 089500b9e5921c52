"""KernelBench's tasks: where they come from, and how an answer is compared, with a stand-in for PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from langgraph_gepa.errors import ExampleError, UsageError

TORCH = """
import contextlib, random, sys, types

class Tensor(list):
    shape = property(len)
    to = abs = lambda self, *_: self
    max = lambda self: Tensor([max(self)])
    item = lambda self: self[0]
    __sub__ = lambda self, other: Tensor(abs(a - b) for a, b in zip(self, other))

class Module:
    def __call__(self, *inputs):
        return self.forward(*inputs)
    def to(self, device):
        return self

allclose = lambda a, b, atol, rtol: all(abs(x - y) <= atol + rtol * abs(y) for x, y in zip(a, b))
sys.modules["torch"] = types.SimpleNamespace(
    Tensor=Tensor, manual_seed=random.seed, no_grad=contextlib.nullcontext, allclose=allclose, rand=random.random,
    cuda=types.SimpleNamespace(synchronize=lambda: None), nn=types.SimpleNamespace(Module=Module),
)
"""
"""As much of PyTorch as the checks use, over lists."""

PROGRAM = (
    TORCH
    + """
import torch

class Model(torch.nn.Module):
    def __init__(self, factor):
        self.weight = torch.rand()
        self.factor = factor
    def forward(self, x):
        return torch.Tensor(each * self.factor * self.weight for each in x)

def get_inputs():
    return [torch.Tensor(torch.rand() for _ in range(200))]

def get_init_inputs():
    return [3]
"""
)

ANSWER = """
import torch

class ModelNew(torch.nn.Module):
    def __init__(self, factor):
        self.scale = factor * torch.rand()
    def forward(self, x):
        return torch.Tensor([each * self.scale for each in x])
"""


@pytest.fixture
def kernelbench(load: Callable[[str], ModuleType], home: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    module = load("evals/kernelbench.py")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "SOURCES", {"level1/1_Scale": home.publish("1_Scale.py", PROGRAM.encode())})
    return module


def checked(load: Callable[[str], ModuleType], kernelbench: ModuleType, code: str) -> dict[str, Any]:
    (task,) = kernelbench.examples()
    return dict(load("graphs/code_writer.py").check({**task["inputs"], "code": code}))


def test_the_ten_tasks_have_a_fixed_home(load: Callable[[str], ModuleType]) -> None:
    """Each file is named at one commit with its size and checksum, smaller levels first."""
    sources = load("evals/kernelbench.py").SOURCES
    assert len(sources) == 10
    assert sorted(sources, key=lambda name: name.partition("/")[0]) == list(sources)
    for name, source in sources.items():
        assert source.url.endswith(f"/KernelBench/{name}.py")
        assert len(source.sha256) == 64


def test_a_task_is_downloaded_once_and_compared(kernelbench: ModuleType, home: Any) -> None:
    """The program is in the words of the task; a file that changed at its home is refused."""
    (task,) = kernelbench.examples()
    assert task["id"] == "level1/1_Scale"
    assert PROGRAM.strip() in task["inputs"]["task"]
    (home.folder / "1_Scale.py").write_text("changed")
    assert kernelbench.examples() == [task]
    kernelbench.SOURCES["level1/1_Scale"] = kernelbench.SOURCES["level1/1_Scale"]._replace(size=7)
    with pytest.raises(ExampleError, match="not the file expected"):
        kernelbench.examples()


def test_an_answer_is_right_if_its_outputs_agree(load: Callable[[str], ModuleType], kernelbench: ModuleType) -> None:
    """Five inputs, the same weights by the same seed, and a time for both programs."""
    found = checked(load, kernelbench, ANSWER)
    assert (found["passed"], found["error"]) == (5, "")
    assert found["seconds"] > 0
    assert found["reference_seconds"] > 0


@pytest.mark.parametrize(
    ("right", "wrong", "error"),
    [
        ("each * self.scale", "each * self.scale + 0.01", "outputs differ by up to 0.01"),
        ("for each in x", "for each in x[1:]", "the shape is 199 and not 200"),
        ("class ModelNew", "class Model", "NameError"),
    ],
)
def test_an_answer_is_wrong_otherwise(
    load: Callable[[str], ModuleType], kernelbench: ModuleType, right: str, wrong: str, error: str
) -> None:
    """The error says how the outputs differ."""
    found = checked(load, kernelbench, ANSWER.replace(right, wrong))
    assert found["passed"] == 0
    assert error in found["error"]


def test_a_machine_without_a_gpu_is_told_so(kernelbench: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is downloaded or paid for where no answer could run."""
    monkeypatch.setattr(kernelbench.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="need PyTorch"):
        kernelbench.tasks()
