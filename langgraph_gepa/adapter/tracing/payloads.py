"""The payloads of LangChain's callbacks as plain data: messages, replies, tool schemas, tokens."""

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
"""Of code and JSON. English text has four: an estimate is rather too high than too low, since a budget has to hold."""

LONGEST_REPORT = 2_000
_REPORT = re.compile(r"\W{0,3}(?:\w+\W+){0,4}?\w*(?:error|exception|failed|failure|ratelimit)", re.IGNORECASE)
"""How a text begins that an exception was made into."""


def slim(message: Any) -> dict[str, Any]:
    """A message as a role dict, with pictures and files in it shortened."""
    flat = flat_message(message)
    if not isinstance(flat["content"], str):
        flat["content"] = shortened(flat["content"])
    return flat


def schemas(parameters: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a model call offers and asks for, as a model reads it: tools, functions, the format of the answer, which
    providers call by many names."""
    offered = [*(parameters.get("tools") or ()), *(parameters.get("functions") or ())]
    shapes = (described(value) for name, value in parameters.items() if name not in ("tools", "functions"))
    return (*map(described, offered), *(shape for shape in shapes if _is_schema(shape)))


def described(setting: Any) -> Any:
    """A setting of a model call as plain data, classes as what they say of themselves."""
    if isinstance(setting, type):
        if setting not in _schemas:
            try:
                _schemas[setting] = convert_to_json_schema(setting)
            except (TypeError, ValueError, PydanticUserError):  # no schema
                _schemas[setting] = None
        return _schemas[setting]
    if isinstance(setting, list | tuple):
        return [described(one) for one in setting]
    return plain(setting)


_schemas: weakref.WeakKeyDictionary[type, Any] = weakref.WeakKeyDictionary()


def _is_schema(value: Any, depth: int = 3) -> bool:
    """Whether plain data describes the fields of an answer, itself or a little within."""
    if not isinstance(value, Mapping) or not depth:
        return False
    return isinstance(value.get("properties"), Mapping) or any(_is_schema(one, depth - 1) for one in value.values())


def first(response: LLMResult) -> Generation | None:
    for batch in response.generations:
        for generation in batch:
            if isinstance(generation, Generation):
                return generation
    return None


def reply_of(generation: Generation | None) -> dict[str, Any]:
    """A model's reply as a role dict."""
    if isinstance(generation, ChatGeneration):
        return slim(generation.message)
    return {"role": "assistant", "content": plain(generation.text) if generation else ""}


def is_empty(generation: Generation, *, streamed: bool) -> bool:
    """Whether an answer holds nothing, not even why it ended: a stream that broke off, a body without candidates.

    A model that describes nothing, as one in a test, may answer with an empty text.
    """
    message = generation.message if isinstance(generation, ChatGeneration) else None
    if message is None or message.content or getattr(message, "tool_calls", None) or message.additional_kwargs:
        return False
    described = {**message.response_metadata, **(generation.generation_info or {})}
    ended = any(name.endswith("reason") and value for name, value in described.items())
    counted = getattr(message, "usage_metadata", None) or {}
    return not ended and not counted.get("output_tokens") and (streamed or bool(described))


def reported_failure(tool: str, output: Any, failed: bool) -> ReportedError | None:
    """The failure that a tool's answer tells of, where the tool or its node made a text of it."""
    text = output if isinstance(output, str) else ""
    if len(text) > LONGEST_REPORT or not (failed or _REPORT.match(text)):
        return None
    return ReportedError(f"the tool {tool} answered: {text}")


def answer(output: Any) -> Any:
    """The result of a tool: the text that the model will read, where a message wraps it."""
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
    """Tokens as the provider counted them. Where it did not, estimated from prompt and reply (`texts`);
    a call that came to no reply costs nothing."""
    message = generation.message if isinstance(generation, ChatGeneration) else None
    counted = getattr(message, "usage_metadata", None)
    described = getattr(message, "response_metadata", None) or {}
    if not counted:
        summary = response.llm_output or {}
        raw = described.get("token_usage") or summary.get("token_usage") or summary.get("usage") or {}
        counted = {
            "input_tokens": raw.get("prompt_tokens") or raw.get("input_tokens") or 0,
            "output_tokens": raw.get("completion_tokens") or raw.get("output_tokens") or 0,
        }
    tokens_in, tokens_out = int(counted.get("input_tokens") or 0), int(counted.get("output_tokens") or 0)
    estimated = 0
    if not tokens_in + tokens_out:
        if generation is None:
            return Usage()
        tokens_in, tokens_out = map(estimated_tokens, texts())
        estimated = tokens_in + tokens_out
        counted = {"input_tokens": tokens_in, "output_tokens": tokens_out}
    names = dict.fromkeys(str(name) for name in (described.get("model_name"), model) if name)
    prices_found = (price(name, counted, provider=provider, prices=prices) for name in names)
    dollars = next((found for found in prices_found if found is not None), None)
    return Usage(tokens_in, tokens_out, dollars, estimated)


def estimated_tokens(value: Any) -> int:
    """About how many tokens a text, or plain JSON data, is.

    In bytes of UTF-8, and not in characters as LangChain's estimate: so it holds for other scripts as well.
    """
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return -(-len(text.encode(errors="replace")) // BYTES_PER_TOKEN)
