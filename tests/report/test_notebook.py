"""What a notebook shows, in a real Jupyter kernel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ipykernel", reason="a notebook's kernel, from the extra dev")

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

CALL = """optimize("letters.py:graph", "train.jsonl", "val.jsonl", metric={metric},
    reflection_lm="openai:simulated-editor", budget=Budget(rollouts=30), run="{run}")"""
INTERRUPTING = """
import os, signal
def interrupting(outputs, reference_outputs):
    os.kill(os.getpid(), signal.SIGINT)
    return 0.5
"""


class Cells:
    """Runs cells in a kernel, one by one."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self._client = client

    def run(self, code: str) -> tuple[list[tuple[str, Any]], int]:
        """Returns the outputs of the cell, each with its last content, and how often one was updated in place."""
        outputs: list[tuple[str, Any]] = []
        places: dict[str, int] = {}
        updates = 0
        cell = self._client.execute(code)
        while True:
            message = self._client.get_iopub_msg(timeout=60)
            kind, content = message["msg_type"], message["content"]
            if message["parent_header"].get("msg_id") != cell:
                continue
            if kind == "status" and content["execution_state"] == "idle":
                return outputs, updates
            if kind == "update_display_data":
                outputs[places[content["transient"]["display_id"]]] = ("display_data", content["data"])
                updates += 1
            elif kind in ("display_data", "execute_result"):
                places[content.get("transient", {}).get("display_id", "")] = len(outputs)
                outputs.append((kind, content["data"]))
            elif kind in ("stream", "error"):
                outputs.append((content.get("name", kind), content.get("text") or content.get("evalue")))


@pytest.fixture
def cells(project: Path) -> Iterator[Cells]:
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        cells = Cells(client)
        cells.run("from langgraph_gepa import Budget, discover, optimize")
        yield cells
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def test_a_notebook_shows_tables_and_progress_in_place(cells: Cells) -> None:
    """Modules and result are tables; progress is one output that changes, and nothing is on standard error.

    Interrupting the kernel is Ctrl-C: it ends with how to go on.
    """
    ((_, modules),), _ = cells.run('discover("letters.py:graph")')
    assert "<td" in modules["text/html"]
    assert "● answer" in modules["text/plain"]

    stopped, _ = cells.run(INTERRUPTING + CALL.format(metric="interrupting", run="stopped"))
    assert stopped[-1][0] == "error"
    assert "the same call goes on" in stopped[-1][1]

    outputs, updates = cells.run(f"result = {CALL.format(metric=repr('letters.py:score'), run='run')}\nresult")
    assert [kind for kind, _ in outputs if kind == "stderr"] == []
    texts = [data["text/plain"] for kind, data in outputs if kind == "display_data"]
    progress = [text for text in texts if "of 30 rollouts" in text]
    assert updates > 0
    assert len(progress) == 1
    assert "Finished: " in progress[0]
    assert outputs[-1][0] == "execute_result"
    assert "<table>" in outputs[-1][1]["text/html"]
