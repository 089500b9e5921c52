"""A simulated OpenAI-compatible server on loopback. No model is behind it: personas written in Python answer."""

from __future__ import annotations

import json
import random
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from langgraph_gepa.adapter.simulation import SIMULATED
from langgraph_gepa.demo.wire import Answer, ApiError, Request, ToolCall, chunks, completion, parse_request, usage_of

__all__ = ["Answer", "ApiError", "Persona", "Request", "SimulatedServer", "ToolCall"]

Persona = Callable[[Request, random.Random], Answer]
"""A simulated model. Its randomness is the argument, so an answer never depends on earlier requests."""


class SimulatedServer:
    """Serves `models` (name -> persona) at `base_url` from `__enter__` to `__exit__`, on a free port.

    The address says that no model is behind it, by which runs that used it are known.

    Deterministic: the `Random` a persona is given is seeded by `seed`, the model and the content of
    the request, so order and concurrency never matter. `latency` is how many seconds an answer
    takes; answers are given side by side.
    """

    def __init__(self, models: Mapping[str, Persona], *, seed: int = 0, latency: float = 0.0) -> None:
        self.models = dict(models)
        self.seed = seed
        self.latency = latency
        self.requests = 0
        self.tokens = 0
        self._counting = threading.Lock()
        self._http = _Server(("127.0.0.1", 0), self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), name="simulated", daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}{SIMULATED}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def answer(self, request: Request) -> Answer:
        """The answer of the model that `request` names. Raises `ApiError` (404) for a model that is not served."""
        persona = self.models.get(request.model)
        if persona is None:
            known = ", ".join(sorted(self.models))
            message = f"the model {request.model!r} does not exist; this simulated server has: {known}"
            raise ApiError(404, message, code="model_not_found", param="model")
        answer = persona(request, random.Random(f"{self.seed}:{request.digest}"))
        if self.latency:
            time.sleep(self.latency)
        with self._counting:
            self.requests += 1
            self.tokens += usage_of(request, answer)["total_tokens"]
        return answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], simulated: SimulatedServer) -> None:
        super().__init__(address, _Handler)
        self.simulated = simulated
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Reports a persona's mistakes; a client that went away is none."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def server_close(self) -> None:
        """Also ends the connections that clients keep alive, whose threads would wait for ever."""
        super().server_close()
        for connection in tuple(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                self._open.discard(connection)  # its client was quicker


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "simulated-openai"
    disable_nagle_algorithm = True
    wbufsize = -1  # one packet for headers and body
    server: _Server

    def do_GET(self) -> None:
        if self.path != f"{SIMULATED}/v1/models":
            self._send(404, ApiError(404, f"no such path: GET {self.path}").body)
            return
        names = self.server.simulated.models
        models = [{"id": n, "object": "model", "created": 0, "owned_by": "simulated"} for n in names]
        self._send(200, {"object": "list", "data": models})

    def do_POST(self) -> None:
        try:
            self._complete(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        except ApiError as error:
            self._send(error.status, error.body, error.headers)

    def _complete(self, body: bytes) -> None:
        if self.path != f"{SIMULATED}/v1/chat/completions":
            raise ApiError(404, f"no such path: POST {self.path}")
        request, options = parse_request(body)
        answer = self.server.simulated.answer(request)
        if not options.get("stream"):
            self._send(200, completion(request, answer))
            return
        usage = bool((options.get("stream_options") or {}).get("include_usage"))
        self._head(200, "text/event-stream", {"Transfer-Encoding": "chunked"})
        for chunk in chunks(request, answer, usage=usage):
            self._chunk(f"data: {json.dumps(chunk)}\n\n".encode())
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _send(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self._head(status, "application/json", {"Content-Length": str(len(data)), **(headers or {})})
        self.wfile.write(data)

    def _head(self, status: int, kind: str, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def log_message(self, *args: Any) -> None:
        """Silent: the terminal belongs to the live view."""
