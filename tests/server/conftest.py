"""A LangGraph Server of its own for a module's tests: the project of the other tests, its rollouts served."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from langgraph_gepa.demo.server import SimulatedServer
from tests.conftest import MODELS, lay_out

SERVED = """
from letters import graph, score
from langgraph_gepa import serve

rollouts = serve(graph, metric=score)
"""


CONFIGURED = """
from dataclasses import dataclass

from langchain_openai import ChatOpenAI
from langgraph.graph import StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

ANSWER = "Answer {name}."

model = ChatOpenAI(model="simulated-clerk")


class Letter(TypedDict, total=False):
    name: str
    letter: str
    kind: str
    reply: str


@dataclass
class Instructions:
    sort_prompt: str = "Sort the letter."
    tone: str = "calm"


def sort(letter: Letter, runtime: Runtime[Instructions]) -> Letter:
    prompt = runtime.context.sort_prompt
    return {"kind": model.invoke([("system", prompt), ("user", letter["letter"])]).text}


def answer(letter: Letter) -> Letter:
    prompt = ANSWER.format(name=letter["name"])
    return {"reply": model.invoke([("system", prompt), ("user", letter["letter"])]).text}


graph = StateGraph(Letter, context_schema=Instructions).add_sequence([sort, answer]).set_entry_point("sort").compile()
"""


@dataclass
class DevServer:
    """A process of `langgraph dev`."""

    url: str
    models: SimulatedServer
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(folder: Path, models: SimulatedServer) -> DevServer:
    """Starts a server on the project in `folder` and waits until it answers."""
    port = free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("LANGSMITH", "LANGCHAIN"))}
    env |= {"PYTHONPATH": os.pathsep.join([str(folder), *sys.path]), "LANGSMITH_TRACING": "false"}
    env |= {"OPENAI_BASE_URL": models.base_url, "OPENAI_API_KEY": "simulated"}
    command = [sys.executable, "-m", "langgraph_cli", "dev", "--no-browser", "--no-reload", "--port", str(port)]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--n-jobs-per-worker", "16"],
            cwd=folder,
            env=env,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = DevServer(f"http://127.0.0.1:{port}", models, process)
    for _ in range(600):
        try:
            with urlopen(f"{server.url}/ok", timeout=1):  # noqa: S310 - loopback
                return server
        except (URLError, OSError):
            if process.poll() is not None:
                break
            time.sleep(0.1)
    server.kill()
    raise RuntimeError((folder / "server.log").read_text()[-3000:])


@pytest.fixture(scope="session")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevServer]:
    """A server for all tests that leave it running."""
    pytest.importorskip("langgraph_cli")
    pytest.importorskip("langgraph_api")
    folder = tmp_path_factory.mktemp("served")
    lay_out(folder)
    (folder / "served.py").write_text(SERVED)
    (folder / "configured.py").write_text(CONFIGURED)
    graphs = {
        "configured": "./configured.py:graph",
        "letters": "./letters.py:graph",
        "rollouts": "./served.py:rollouts",
    }
    (folder / "langgraph.json").write_text(json.dumps({"dependencies": ["."], "graphs": graphs}))
    with SimulatedServer(MODELS) as models:
        server = start(folder, models)
        try:
            yield server
        finally:
            server.kill()
