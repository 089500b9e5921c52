"""Serves the live page over HTTP: on loopback, to whoever knows the token in the address.

It writes nothing but a run's stop file, and that only on a POST from the page itself. Requests under any other host
name are refused, which prevents DNS rebinding.
"""

from __future__ import annotations

import hmac
import secrets
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from socket import AF_INET6
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from langgraph_gepa.errors import UsageError
from langgraph_gepa.ui.site import Reply, Site

LOOPBACK = "127.0.0.1"
IDLE = 30.0
"""Seconds after which a connection without a request is closed."""

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_FORBIDDEN = Reply(
    "This address needs its token. Open the address that was printed.", HTTPStatus.FORBIDDEN, "text/plain"
)


class Server(ThreadingHTTPServer):
    """A server of one site, with a token of its own."""

    daemon_threads = True

    def __init__(self, folder: Path, host: str = LOOPBACK, port: int = 0) -> None:
        self.site = Site(folder)
        self.token = secrets.token_urlsafe(24)
        self.host = host
        self._ended = threading.Event()
        if ":" in host:
            self.address_family = AF_INET6
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise UsageError(
                f"The page cannot be served at {host}, port {port}: {error.strerror}. Give another --port."
            ) from error

    @property
    def url(self) -> str:
        """The address to open, with the token."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{name}:{self.server_address[1]}/{self.token}/"

    def wait(self) -> None:
        """Waits until the server is closed by another thread. `KeyboardInterrupt` passes through."""
        self._ended.wait()

    def server_close(self) -> None:
        super().server_close()
        self._ended.set()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Prints an error, unless it is only that the browser closed the connection."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def served(folder: Path, host: str = LOOPBACK, port: int = 0, *, patience: float = 0.0) -> Iterator[Server]:
    """Serves the run, or the folder of runs, in a thread while the context lasts.

    If the context ends without an exception, open pages get up to `patience` seconds to fetch the run's final state.
    """
    with Server(folder, host, port) as server:
        thread = threading.Thread(target=server.serve_forever, name="langgraph-gepa ui", daemon=True)
        thread.start()
        try:
            yield server
            server.site.wait_for_readers(patience)
        finally:
            server.shutdown()
            thread.join()


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "langgraph-gepa"
    sys_version = ""
    timeout = IDLE

    def do_GET(self) -> None:
        parts, query = self._address()
        self._send(_FORBIDDEN if parts is None else self.server.site.get(parts, query))

    def do_POST(self) -> None:
        parts, _ = self._address()
        self.close_connection = True  # a body is not read
        own = f"http://{self.headers.get('Host', '')}"
        if parts is None or self.headers.get("Origin", "") != own:
            self._send(_FORBIDDEN)
        else:
            self._send(self.server.site.post(parts))

    def log_message(self, format: str, *args: Any) -> None:
        """Prints nothing: the addresses have the token in them."""

    def _address(self) -> tuple[list[str] | None, dict[str, str]]:
        """Returns the parts of the path after the token, `None` where access is denied, and the query."""
        address = urlsplit(self.path)
        first, token, *parts = [*map(unquote, address.path.split("/")), ""]
        known = hmac.compare_digest(token.encode(), self.server.token.encode())
        if first or not known or len(parts) < 2 or not self._is_for_us():
            return None, {}
        parts.pop()  # what was added above, where there is nothing after the token
        return parts, dict(parse_qsl(address.query))

    def _is_for_us(self) -> bool:
        """Whether the `Host` header is an address of this server or the name it was started with (DNS rebinding)."""
        name = urlsplit(f"//{self.headers.get('Host', '')}").hostname or ""
        if name in ("localhost", self.server.host):
            return True
        try:
            address = ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not is_loopback(self.server.host)

    def _send(self, reply: Reply) -> None:
        body = reply.body.encode("utf-8", "replace")
        self.send_response(reply.status)
        for name, value in {**_HEADERS, **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", f"{reply.kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
