"""Processes of `langgraph dev` on loopback that serve the rollouts of a graph."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

SLOWEST_START = 120.0


@dataclass
class DevServer:
    """One server; `port` is its own, so that it can be started again at the same address."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """kill -9 of the server and of what it started."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def log(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")


def start(folder: Path, program: str, *, jobs: int, port: int = 0) -> DevServer:
    """Starts a server in `folder` whose graph `rollouts` is what `program` makes, at `port` or a free one."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "served.py").write_text(program)
    listed = {"dependencies": ["."], "graphs": {"rollouts": "./served.py:rollouts"}}
    (folder / "langgraph.json").write_text(json.dumps(listed))
    if not port:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("LANGSMITH", "LANGCHAIN"))}
    env |= {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]), "LANGSMITH_TRACING": "false"}
    command = [sys.executable, "-m", "langgraph_cli", "dev", "--no-browser", "--no-reload"]
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port), "--n-jobs-per-worker", str(jobs), "--server-log-level", "WARNING"],
            cwd=folder,
            env=env,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return DevServer(folder, port, process)


def wait(server: DevServer) -> DevServer:
    """Waits until a server answers. Raises `RuntimeError` with the end of its log where it does not."""
    until = time.monotonic() + SLOWEST_START
    while time.monotonic() < until and server.process.poll() is None:
        try:
            with urlopen(f"{server.url}/ok", timeout=1):  # noqa: S310 - loopback
                return server
        except (URLError, OSError):
            time.sleep(0.1)
    server.kill()
    raise RuntimeError(f"langgraph dev did not start: {server.log()[-3000:]}")
