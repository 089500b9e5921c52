"""Ten of KernelBench's tasks for `graphs/code_writer.py`: PyTorch programs to be written anew, faster on a GPU.

    tasks()      three levels, from one operation to a block of a network; needs PyTorch and a GPU
    examples()   the same without a look at the machine

KernelBench (Ouyang et al., arXiv 2502.10517, MIT) is downloaded from its repository at a fixed commit; none of it
ships. The checks follow its own: five random inputs, outputs alike within 1e-4, models made with the same seed. Two
things differ: a program's time is its fastest of up to 25 rounds, where KernelBench takes the mean of many, and kernels
that cheat are not detected. The metric is `code_writer.py`'s. None of this has been run on a GPU yet.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from sources import Source, cache_folder, fetched

from langgraph_gepa.errors import UsageError

_HOME = (
    "https://raw.githubusercontent.com/ScalingIntelligence/KernelBench/423217d9fda91e0c2d67e4a43bf62f96f6d104f1"
    "/KernelBench"
)
_FILES = (
    ("level1/19_ReLU", 707, "cbbfc9409662168ee7a5d3e7f7a59bf56e0faf9d763197e7f6a41fb5942dd63a"),
    ("level1/1_Square_matrix_multiplication_", 796, "7626d611b8f2c97a71ae40d731da8cb7ba067dc43cc2f3e8185ad85c68533f30"),
    ("level1/23_Softmax", 749, "c9fa418447f2d64d5aeb4763d817137c1cb5a6b411a580f0b6291a7b29301d75"),
    ("level1/40_LayerNorm", 1009, "8d975d7cee6946513dcfb6ba84c971e53a890f9d9c6f0a4fb828904941f25975"),
    ("level2/59_Matmul_Swish_Scaling", 776, "af4bfb47631eb3eee01055c0ae090e7452edacb0aa35fa40d117de2675bc2720"),
    ("level2/76_Gemm_Add_ReLU", 961, "88e932ace4f16e0477574c5c99b8d5665393e02f82f664dc99f2e22a2674ea42"),
    ("level2/37_Matmul_Swish_Sum_GroupNorm", 1152, "fe2e8dc5418f1549cb3b6e34535b6f3dee0fc37ecce1b6be19a57ed8733156d4"),
    ("level3/1_MLP", 1270, "3fabb8e6bb6f0f5a9524a62226ce25fc3a8f5289464e809a29a85919536c4efc"),
    ("level3/8_ResNetBasicBlock", 1860, "8e1ae06aca5126c9d75e213da14d660b83f2a335059d049cc659b9f0f101a36e"),
    ("level3/44_MiniGPTBlock", 3887, "e73093b5d6648474f161cc62c60f121a1468cdacb855cd5ae5ed3056a12ac58e"),
)
SOURCES = {name: Source(f"{_HOME}/{name}.py", size, sha256) for name, size, sha256 in _FILES}
"""The programs by level and name, in the order of their size."""

TRIALS = 5

WORDS = """\
Write a program with a class ModelNew that does the same as Model in the PyTorch program below, faster on this \
machine's GPU. Its constructor and its forward take the same arguments, and it makes its parameters in the same order, \
so that the same seed gives the same weights. Write kernels of your own, with Triton or with \
torch.utils.cpp_extension.load_inline. Reply with the complete program, without tests.

{program}"""

CHECKS = """

import functools
import torch

ModelNew = Model  # so that one expression times both


@functools.cache
def _model(kind):
    torch.manual_seed(0)
    return kind(*get_init_inputs()).to("cuda")


@functools.lru_cache(maxsize=1)  # inputs may take gigabytes
def _inputs(seed):
    torch.manual_seed(seed)
    return [each.to("cuda") if isinstance(each, torch.Tensor) else each for each in get_inputs()]


def run(kind, seed=0):
    with torch.no_grad():
        output = _model(kind)(*_inputs(seed))
    torch.cuda.synchronize()
    return output


def agree(kind, seed):
    expected, output = run(Model, seed), run(kind, seed)
    assert output.shape == expected.shape, f"the shape is {output.shape} and not {expected.shape}"
    largest = (output - expected).abs().max().item()
    assert torch.allclose(output, expected, atol=1e-4, rtol=1e-4), f"outputs differ by up to {largest:.2g}"
"""
"""What is added to a reference program: how an answer is compared with it, and what is timed."""


def example(name: str, program: str) -> dict[str, Any]:
    inputs = {
        "task": WORDS.format(program=program.strip()),
        "tests": [f"reference.agree(ModelNew, {seed})" for seed in range(1, TRIALS + 1)],
        "speed": "reference.run(ModelNew)",
        "reference": program + CHECKS,
        "toolchain": True,
    }
    return {"id": name, "inputs": inputs}


def examples() -> list[dict[str, Any]]:
    """The tasks, downloaded on first use. Raises `ExampleError`."""
    folder = cache_folder("kernelbench")
    return [
        example(name, fetched(source, folder / name.partition("/")[0]).read_text(encoding="utf-8"))
        for name, source in SOURCES.items()
    ]


def tasks() -> list[dict[str, Any]]:
    """The tasks, for a machine that can run them. Raises `UsageError` on any other."""
    if importlib.util.find_spec("torch") is None:
        raise UsageError("KernelBench's tasks need PyTorch (pip install torch) and a GPU. --tasks cpu needs neither.")
    if not importlib.import_module("torch").cuda.is_available():
        raise UsageError("KernelBench's tasks need a GPU, and PyTorch finds none here. --tasks cpu needs none.")
    return examples()
