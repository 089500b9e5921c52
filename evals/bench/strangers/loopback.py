"""A simulated model behind the OpenAI protocol on the loopback interface. It thinks nothing: it fills in forms.

It calls each tool it is offered once, answers structured output from the schema, and otherwise says
one fixed sentence. What a graph's path depends on (a classification, a decision) is set by name.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from strangers.marks import unmarked

Json = dict[str, Any]

FILLER = "Simulated answer."


@dataclass(slots=True)
class Script:
    """What to fill in where a graph's way depends on it.

    `answers` maps the name of a field to its values, used in turn, the last one for ever after;
    `Tool.field` is asked before `field`. `say` maps words of a prompt to the reply to it, whatever marks stand
    among them; `skip` names tools that are never called; `order` names those that are called first.
    """

    answers: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    say: Mapping[str, str] = field(default_factory=dict)
    skip: frozenset[str] = frozenset()
    order: tuple[str, ...] = ()


def script_of(run: Json) -> Script:
    """The script of a labelled run."""
    answers = {name: value if isinstance(value, list) else [value] for name, value in run.get("answers", {}).items()}
    return Script(answers, run.get("say", {}), frozenset(run.get("skip", ())), tuple(run.get("order", ())))


class Loopback:
    """The server and what it was asked. `calls` holds every request since `start`, in order of arrival."""

    def __init__(self) -> None:
        self.calls: list[Json] = []
        self._script = Script()
        self._given: Counter[str] = Counter()
        self._called: dict[tuple[str, ...], set[str]] = {}
        self._lock = threading.Lock()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                reply = owner.embedded(body) if self.path.endswith("embeddings") else owner.reply(body)
                streamed = bool(body.get("stream")) and not self.path.endswith("embeddings")
                payload = _streamed(reply) if streamed else json.dumps(reply).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream" if streamed else "application/json")
                self.send_header("Content-Length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def start(self, script: Script) -> None:
        """Forgets what was asked and follows another script."""
        with self._lock:
            self.calls, self._script = [], script
            self._given.clear()
            self._called.clear()

    def embedded(self, body: Json) -> Json:
        given = body["input"] if isinstance(body["input"], list) else [body["input"]]
        data = [{"object": "embedding", "index": i, "embedding": [0.5] * 8} for i in range(len(given))]
        return {"object": "list", "model": "simulated", "data": data, "usage": {"prompt_tokens": 1, "total_tokens": 1}}

    def reply(self, body: Json) -> Json:
        with self._lock:
            self.calls.append(body)
            message = self._message(body)
            return {
                "id": f"reply-{len(self.calls)}", "object": "chat.completion", "created": 0, "model": "simulated",
                "choices": [{"index": 0, "finish_reason": "tool_calls" if "tool_calls" in message else "stop",
                             "message": message}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
            }  # fmt: skip

    def _message(self, body: Json) -> Json:
        form = body.get("response_format") or {}
        if form.get("type") == "json_schema":
            schema = form["json_schema"].get("schema", {})
            return {
                "role": "assistant",
                "content": json.dumps(self._filled(schema, schema, form["json_schema"]["name"])),
            }
        tools = {t["function"]["name"]: t["function"] for t in body.get("tools") or () if t.get("type") == "function"}
        chosen = self._chosen(tools, body.get("tool_choice"))
        if chosen is not None:
            schema = tools[chosen].get("parameters") or {}
            call = {
                "id": f"call_{len(self.calls)}",
                "type": "function",
                "function": {"name": chosen, "arguments": json.dumps(self._filled(schema, schema, chosen))},
            }
            return {"role": "assistant", "content": None, "tool_calls": [call]}
        return {"role": "assistant", "content": self._said(body)}

    def _said(self, body: Json) -> str:
        asked = unmarked(" ".join(" ".join(strings(body.get("messages"))).split()))
        return next((text for words, text in self._script.say.items() if words in asked), FILLER)

    def _chosen(self, tools: Mapping[str, Json], choice: Any) -> str | None:
        if isinstance(choice, dict):
            return str(choice["function"]["name"])
        called = self._called.setdefault(tuple(sorted(tools)), set())
        names = [*(n for n in self._script.order if n in tools), *tools]
        fresh = next((n for n in names if n not in called and n not in self._script.skip), None)
        if fresh is None and choice in ("required", "any"):
            return names[-1]
        if fresh is not None and choice != "none":
            called.add(fresh)
            return fresh
        return None

    def _filled(self, schema: Json, root: Json, tool: str, name: str = "") -> Any:
        """A value for a JSON schema."""
        for key in (f"{tool}.{name}", name):
            if values := self._script.answers.get(key):
                self._given[key] += 1
                return values[min(self._given[key], len(values)) - 1]
        if "$ref" in schema:
            found: Any = root
            for part in schema["$ref"].split("/")[1:]:
                found = found[part]
            return self._filled(found, root, tool, name)
        if "enum" in schema or "const" in schema:
            return schema["const"] if "const" in schema else schema["enum"][0]
        for several in ("anyOf", "oneOf", "allOf"):
            if several in schema:
                return self._filled(schema[several][0], root, tool, name)
        kind = schema.get("type", "object" if "properties" in schema else "string")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "object":
            return {key: self._filled(part, root, tool, key) for key, part in schema.get("properties", {}).items()}
        if kind == "array":
            return [self._filled(schema.get("items") or {"type": "string"}, root, tool, name + "[]")]
        return {"integer": 1, "number": 1.0, "boolean": True, "null": None}.get(kind, f"simulated {name.strip('[]')}")


def strings(value: Any) -> Iterator[str]:
    """Every string in a JSON value, keys left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from strings(part)


def _streamed(reply: Json) -> bytes:
    choice = reply["choices"][0]
    delta = dict(choice["message"])
    if "tool_calls" in delta:
        delta["tool_calls"] = [{"index": i, **call} for i, call in enumerate(delta["tool_calls"])]
    chunk = {**reply, "object": "chat.completion.chunk", "usage": None}
    first = {**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    last = {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]}
    return b"".join(b"data: " + json.dumps(part).encode() + b"\n\n" for part in (first, last)) + b"data: [DONE]\n\n"
