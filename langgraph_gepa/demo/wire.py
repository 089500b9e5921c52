"""The OpenAI chat-completions format: request bodies in, reply bodies and chunks out. No I/O."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from langgraph_gepa.core.example import digest


class ApiError(Exception):
    """An error as the API reports it. A persona may raise one to simulate a rate limit or an outage.

    `headers` are sent with it, such as `{"Retry-After": "2"}`.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        kind = "rate_limit" if status == 429 else "server" if status >= 500 else "invalid_request"
        self.body = {"error": {"message": message, "type": f"{kind}_error", "param": param, "code": code}}


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool, as a model asks for it."""

    name: str
    args: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply of a simulated model: text, tool calls, or both."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a simulated model.

    `messages` and `tools` are the API's own dicts; `tool_choice` is `"auto"`, `"none"`,
    `"required"` or the API's dict that names one tool; `schema` is the JSON schema the answer must
    follow, when the caller gave one.
    """

    model: str
    messages: tuple[Mapping[str, Any], ...]
    tools: tuple[Mapping[str, Any], ...] = ()
    tool_choice: Any = "auto"
    schema: Mapping[str, Any] | None = None

    @property
    def digest(self) -> str:
        """A hash of the content: equal requests get equal answers."""
        return digest([self.model, self.messages, self.tools, self.tool_choice, self.schema])

    @property
    def tool_names(self) -> tuple[str, ...]:
        return tuple(tool["function"]["name"] for tool in self.tools)

    @property
    def system(self) -> str:
        """The text of all system (or developer) messages."""
        return "\n".join(text_of(m) for m in self.messages if m["role"] in ("system", "developer"))

    @property
    def user(self) -> str:
        """The text of all user messages."""
        return "\n".join(text_of(m) for m in self.messages if m["role"] == "user")


def text_of(message: Mapping[str, Any]) -> str:
    """A message's text, whether its content is a string, a list of blocks or null."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    return "".join(block.get("text", "") for block in content or () if isinstance(block, Mapping))


def parse_request(body: bytes) -> tuple[Request, Mapping[str, Any]]:
    """Reads the body of a request, and returns it also as JSON. Raises `ApiError` (400) that names what is wrong."""
    try:
        data = json.loads(body)
    except ValueError as error:
        raise ApiError(400, f"the body is not valid JSON: {error}") from error
    if not isinstance(data, dict):
        raise ApiError(400, "the body must be a JSON object")
    model, messages = data.get("model"), data.get("messages")
    if not isinstance(model, str):
        raise ApiError(400, "you must provide a model", param="model")
    if not isinstance(messages, list) or not messages:
        raise ApiError(400, "messages must be a non-empty list", param="messages")
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise ApiError(400, "a message must be an object with a role", param=f"messages[{index}]")
    if data.get("n") not in (None, 1):
        raise ApiError(400, "the simulated server gives one choice a request", param="n")
    tools = data.get("tools") or []
    for index, tool in enumerate(tools):
        if not isinstance(tool, dict) or not isinstance(tool.get("function"), dict) or "name" not in tool["function"]:
            raise ApiError(400, "a tool must be a function with a name", param=f"tools[{index}]")
    return Request(model, tuple(messages), tuple(tools), data.get("tool_choice", "auto"), _schema(data)), data


def _schema(data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    format_ = data.get("response_format") or {}
    schema = format_.get("json_schema", {}).get("schema") if isinstance(format_, dict) else None
    return schema if isinstance(schema, dict) else None


def estimated_tokens(value: Any) -> int:
    """Four characters a token, at least one."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return max(1, len(text) // 4)


def usage_of(request: Request, answer: Answer) -> dict[str, int]:
    """The token counts of a request and its answer, as the API reports them."""
    sent = sum(estimated_tokens(text_of(m)) + 4 for m in request.messages)
    sent += estimated_tokens(request.tools) if request.tools else 0
    received = estimated_tokens(answer.text) if answer.text else 0
    received += sum(estimated_tokens(c.name) + estimated_tokens(dict(c.args)) for c in answer.tool_calls)
    return {"prompt_tokens": sent, "completion_tokens": received, "total_tokens": sent + received}


def completion(request: Request, answer: Answer) -> dict[str, Any]:
    """The reply body of a request without streaming."""
    name = request.digest
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None, "refusal": None}
    if answer.tool_calls:
        message["tool_calls"] = _tool_calls(name, answer)
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish_reason(answer)}
    return {**_head(request, name, "chat.completion"), "choices": [choice], "usage": usage_of(request, answer)}


def chunks(request: Request, answer: Answer, *, usage: bool) -> Iterator[dict[str, Any]]:
    """The same reply as a stream of chunks; `usage` asks for a last one with the token counts."""
    name = request.digest
    head = _head(request, name, "chat.completion.chunk")

    def chunk(delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {**head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]}

    yield chunk({"role": "assistant", "content": ""})
    for start in range(0, len(answer.text), 40):
        yield chunk({"content": answer.text[start : start + 40]})
    for index, call in enumerate(_tool_calls(name, answer)):
        yield chunk({"tool_calls": [{"index": index, **call}]})
    yield chunk({}, _finish_reason(answer))
    if usage:
        yield {**head, "choices": [], "usage": usage_of(request, answer)}


def _head(request: Request, name: str, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-simulated-{name}",
        "object": kind,
        "created": 0,
        "model": request.model,
        "system_fingerprint": "simulated",
    }


def _tool_calls(name: str, answer: Answer) -> list[dict[str, Any]]:
    return [
        {
            "id": f"call_{name}_{index}",
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(dict(call.args), ensure_ascii=False)},
        }
        for index, call in enumerate(answer.tool_calls)
    ]


def _finish_reason(answer: Answer) -> str:
    return "tool_calls" if answer.tool_calls else "stop"
