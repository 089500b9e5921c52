"""Replays the outcomes of a recorded rollout's calls in place of calling models, tools and retrievers.

Within `replaying`, LangChain's models, tools and retrievers return what they returned in the recorded rollout, and
nothing is sent anywhere; a call that was not recorded ends the run. Tools in which models were called really run, so
that these calls are reached.
"""

from __future__ import annotations

import copy
import functools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult, LLMResult
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool
from langgraph.errors import GraphBubbleUp

from langgraph_gepa.adapter.rollout.redaction import Mask, masked
from langgraph_gepa.adapter.tracing import injection
from langgraph_gepa.adapter.tracing.attribution import node_path
from langgraph_gepa.adapter.tracing.message_text import strings
from langgraph_gepa.adapter.tracing.payloads import plain_setting, slim
from langgraph_gepa.adapter.tracing.watched import WatchedCall
from langgraph_gepa.core.json_data import plain


class ReplayEnded(BaseException):
    """The run took another course than the recorded one.

    It is no `Exception`, since a node that handles failures, or tries again after them, must not handle it.
    """


@dataclass(frozen=True, slots=True)
class Sent:
    """The texts of one model call: of its messages, and of the descriptions that go with them."""

    node: str
    texts: tuple[str, ...]

    def contains(self, word: str) -> bool:
        return any(word in text.lower() for text in self.texts)


class Replay:
    """The outcomes of one rollout's calls, each returned once. `sent` collects what is sent to models meanwhile.

    A call is recognised by its inputs after `unmarked`, which removes what distinguishes this run's texts from the
    recorded ones; a model call with other inputs is taken for the next one of its node.
    """

    def __init__(self, watched: Sequence[WatchedCall], unmarked: Mask) -> None:
        self.sent: list[Sent] = []
        self._unmarked = unmarked
        self._lock = threading.Lock()
        with_models = {seen.enclosing_tool for seen in watched if seen.call.kind == "model"}
        self._left = {
            index: replace(seen, outcome=_REAL)
            if index in with_models or isinstance(seen.outcome, GraphBubbleUp)
            else seen
            for index, seen in enumerate(watched)
        }

    def reply(self, messages: Sequence[BaseMessage], manager: Any, settings: Mapping[str, Any]) -> ChatResult:
        """Returns the recorded reply to these messages. Raises the recorded exception, or `ReplayEnded`."""
        node = node_path(getattr(manager, "metadata", None) or {}) or injection.current_node()
        inputs = [slim(message) for message in messages]
        texts = [text for message in inputs for text in strings(message["content"])]
        texts += (text for setting in settings.values() for text in strings(plain_setting(setting)))
        with self._lock:
            self.sent.append(Sent(node, tuple(texts)))
        inputs = masked(inputs, self._unmarked)
        seen = self._take("model", lambda seen: seen.call.inputs == inputs) or self._take(
            "model", lambda seen: seen.call.node == node
        )
        outcome = _outcome(seen)
        if not isinstance(outcome, LLMResult) or not outcome.generations:
            raise ReplayEnded
        replies = [one for one in outcome.generations[0] if isinstance(one, ChatGeneration)]
        return ChatResult(generations=[ChatGeneration(message=one.message.model_copy()) for one in replies])

    def result(self, kind: str, name: str | None, inputs: Any, tool_call_id: str | None = None) -> tuple[Any] | None:
        """Returns a recorded tool's or retriever's result in a tuple; `None` if it has to run. Raises as `reply`."""
        inputs = masked(plain(inputs), self._unmarked)

        def same(seen: WatchedCall) -> bool:
            if name is not None and seen.call.name != name:
                return False
            return (
                seen.tool_call_id == tool_call_id if tool_call_id else seen.call.inputs in (inputs, {"input": inputs})
            )

        seen = self._take(kind, same)
        if seen is not None and seen.outcome is _REAL:
            return None
        return (copy.copy(_outcome(seen)),)

    def _take(self, kind: str, fits: Callable[[WatchedCall], bool]) -> WatchedCall | None:
        """Removes and returns the first call of a kind that fits."""
        with self._lock:
            for index, seen in self._left.items():
                if seen.call.kind == kind and fits(seen):
                    return self._left.pop(index)
        return None


_REAL = object()
"""Stands in for the outcome of a tool that really runs."""


def _outcome(seen: WatchedCall | None) -> Any:
    if seen is None:
        raise ReplayEnded
    if isinstance(seen.outcome, BaseException):
        raise seen.outcome
    return seen.outcome


_now: ContextVar[Replay | None] = ContextVar("langgraph_gepa_replay", default=None)


@contextmanager
def replaying(replay: Replay) -> Iterator[None]:
    """Has `replay` answer the calls made within, and in the tasks and threads started there."""
    _install()
    token = _now.set(replay)
    try:
        yield
    finally:
        _now.reset(token)


@functools.cache
def _install() -> None:
    """Wraps methods of LangChain's classes, for good, to look for a replay: below the callbacks, above the requests."""
    for kind, wrappers in _WRAPPERS.items():
        for name, wrapper in wrappers.items():
            own = getattr(kind, name)
            setattr(kind, name, functools.wraps(own)(wrapper(own)))


def _generate(own: Any) -> Any:
    def generate(self: Any, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Any:
        if (replay := _now.get()) is None:
            return own(self, messages, stop=stop, run_manager=run_manager, **kwargs)
        return replay.reply(messages, run_manager, kwargs)

    return generate


def _agenerate(own: Any) -> Any:
    async def generate(
        self: Any, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        if (replay := _now.get()) is None:
            result: ChatResult = await own(self, messages, stop=stop, run_manager=run_manager, **kwargs)
            return result
        return replay.reply(messages, run_manager, kwargs)

    return generate


def _should_stream(own: Any) -> Any:
    return lambda self, **kwargs: _now.get() is None and own(self, **kwargs)


def _run(own: Any) -> Any:
    def run(self: Any, tool_input: Any, *args: Any, tool_call_id: str | None = None, **kwargs: Any) -> Any:
        known = _known("tool", self.name, tool_input, tool_call_id)
        return known[0] if known else own(self, tool_input, *args, tool_call_id=tool_call_id, **kwargs)

    return run


def _arun(own: Any) -> Any:
    async def run(self: Any, tool_input: Any, *args: Any, tool_call_id: str | None = None, **kwargs: Any) -> Any:
        known = _known("tool", self.name, tool_input, tool_call_id)
        return known[0] if known else await own(self, tool_input, *args, tool_call_id=tool_call_id, **kwargs)

    return run


def _invoke(own: Any) -> Any:
    def invoke(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        known = _known("retrieval", None, query)
        return known[0] if known else own(self, query, *args, **kwargs)

    return invoke


def _ainvoke(own: Any) -> Any:
    async def invoke(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        known = _known("retrieval", None, query)
        return known[0] if known else await own(self, query, *args, **kwargs)

    return invoke


def _known(kind: str, name: str | None, inputs: Any, tool_call_id: str | None = None) -> tuple[Any] | None:
    replay = _now.get()
    return None if replay is None else replay.result(kind, name, inputs, tool_call_id)


_WRAPPERS: Mapping[type, Mapping[str, Callable[[Any], Any]]] = {
    BaseChatModel: {
        "_generate_with_cache": _generate,
        "_agenerate_with_cache": _agenerate,
        "_should_stream": _should_stream,
    },
    BaseTool: {"run": _run, "arun": _arun},
    BaseRetriever: {"invoke": _invoke, "ainvoke": _ainvoke},
}
