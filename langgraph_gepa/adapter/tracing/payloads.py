"""Reads the payloads of LangChain's callbacks as plain data: messages, replies, tool schemas, token usage."""

from __future__ import annotations

import json
import re
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, Generation, LLMResult
from langchain_core.utils.function_calling import convert_to_json_schema
from pydantic import PydanticUserError

from langgraph_gepa.adapter.failures.causes import ReportedError
from langgraph_gepa.adapter.tracing.pricing import Prices, price
from langgraph_gepa.core.json_data import flat_message, plain, shortened
from langgraph_gepa.core.rollout import Usage

BYTES_PER_TOKEN = 3
"""As code and JSON have. English text has four: an estimate should be too high rather than too low for a budget."""

MAX_REPORT = 2_000
"""Characters of a tool's answer up to which it may be the report of a failure."""
_REPORT = re.compile(r"\W{0,3}(?:\w+\W+){0,4}?\w*(?:error|exception|failed|failure|ratelimit)", re.IGNORECASE)
"""Matches the beginning of a text that reports an exception."""


def slim(message: Any) -> dict[str, Any]:
    """Returns a message as a role dict, with pictures and files in it shortened."""
    flat = flat_message(message)
    if not isinstance(flat["content"], str):
        flat["content"] = shortened(flat["content"])
    return flat


def offered_schemas(parameters: Mapping[str, Any]) -> tuple[Any, ...]:
    """Returns the schemas in a model call's parameters: of tools, of functions, and of the response format.

    Providers have many names for the response format, so it is known by its form.
    """
    offered = [*(parameters.get("tools") or ()), *(parameters.get("functions") or ())]
    shapes = (plain_setting(value) for name, value in parameters.items() if name not in ("tools", "functions"))
    return (*map(plain_setting, offered), *(shape for shape in shapes if _is_schema(shape)))


def plain_setting(setting: Any) -> Any:
    """Returns a parameter of a model call as plain data, with a class as its JSON schema."""
    if isinstance(setting, type):
        if setting not in _schemas:
            try:
                _schemas[setting] = convert_to_json_schema(setting)
            except (TypeError, ValueError, PydanticUserError):  # no schema
                _schemas[setting] = None
        return _schemas[setting]
    if isinstance(setting, list | tuple):
        return [plain_setting(one) for one in setting]
    return plain(setting)


_schemas: weakref.WeakKeyDictionary[type, Any] = weakref.WeakKeyDictionary()


def _is_schema(value: Any, depth: int = 3) -> bool:
    """Whether plain data is a schema with properties, or contains one at most `depth` levels down."""
    if not isinstance(value, Mapping) or not depth:
        return False
    return isinstance(value.get("properties"), Mapping) or any(_is_schema(one, depth - 1) for one in value.values())


def first_generation(response: LLMResult) -> Generation | None:
    found = (one for batch in response.generations for one in batch if isinstance(one, Generation))
    return next(found, None)


def reply_of(generation: Generation | None) -> dict[str, Any]:
    """Returns a model's reply as a role dict."""
    if isinstance(generation, ChatGeneration):
        return slim(generation.message)
    return {"role": "assistant", "content": plain(generation.text) if generation else ""}


def is_empty(generation: Generation, *, streamed: bool) -> bool:
    """Whether a reply has no content and no reason why it ended: a stream that broke off, a body without candidates.

    A model without any metadata, such as a fake in a test, may reply with an empty text.
    """
    message = generation.message if isinstance(generation, ChatGeneration) else None
    if message is None or message.content or getattr(message, "tool_calls", None) or message.additional_kwargs:
        return False
    metadata = {**message.response_metadata, **(generation.generation_info or {})}
    ended = any(name.endswith("reason") and value for name, value in metadata.items())
    counted = getattr(message, "usage_metadata", None) or {}
    return not ended and not counted.get("output_tokens") and (streamed or bool(metadata))


def reported_failure(tool: str, output: Any, failed: bool) -> ReportedError | None:
    """Returns the failure that a tool's answer reports, where the tool or its node made a text of the exception."""
    text = output if isinstance(output, str) else ""
    if len(text) > MAX_REPORT or not (failed or _REPORT.match(text)):
        return None
    return ReportedError(f"the tool {tool} answered: {text}")


def tool_result(output: Any) -> Any:
    """Returns the result of a tool as plain data; of a message, its content."""
    if isinstance(output, BaseMessage):
        return flat_message(output)["content"]
    return plain(output)


def usage_of(
    response: LLMResult,
    generation: Generation | None,
    model: str,
    provider: str | None,
    prices: Prices | None,
    texts: Callable[[], tuple[Any, Any]],
) -> Usage:
    """Returns the tokens as the provider counted them, or else as estimated from `texts` (prompt and reply), priced.

    A call without a reply costs nothing.
    """
    message = generation.message if isinstance(generation, ChatGeneration) else None
    metadata = getattr(message, "response_metadata", None) or {}
    counted = getattr(message, "usage_metadata", None) or _raw_count(metadata, response.llm_output or {})
    tokens_in, tokens_out = int(counted.get("input_tokens") or 0), int(counted.get("output_tokens") or 0)
    estimated = 0
    if not tokens_in + tokens_out:
        if generation is None:
            return Usage()
        tokens_in, tokens_out = map(estimated_tokens, texts())
        estimated = tokens_in + tokens_out
        counted = {"input_tokens": tokens_in, "output_tokens": tokens_out}
    names = dict.fromkeys(str(name) for name in (metadata.get("model_name"), model) if name)
    prices_found = (price(name, counted, provider=provider, prices=prices) for name in names)
    dollars = next((found for found in prices_found if found is not None), None)
    return Usage(tokens_in, tokens_out, dollars, estimated)


def _raw_count(metadata: Mapping[str, Any], summary: Mapping[str, Any]) -> dict[str, Any]:
    """The count where LangChain left it as the provider's own `usage`."""
    raw = metadata.get("token_usage") or summary.get("token_usage") or summary.get("usage") or {}
    return {
        "input_tokens": raw.get("prompt_tokens") or raw.get("input_tokens") or 0,
        "output_tokens": raw.get("completion_tokens") or raw.get("output_tokens") or 0,
    }


def estimated_tokens(value: Any) -> int:
    """Estimates the tokens of a text, or of plain JSON data.

    It counts bytes of UTF-8, and not characters as LangChain's estimate does, so that it holds for other scripts too.
    """
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return -(-len(text.encode(errors="replace")) // BYTES_PER_TOKEN)
