"""Replays the outcomes of a recorded rollout's calls in place of calling models, tools and retrievers.

Within `replaying`, LangChain's models, tools and retrievers return what they returned in the recorded rollout, and
nothing is sent anywhere; a call that was not recorded ends the run. Tools in which models were called really run, so
that these calls are reached.
"""

from __future__ import annotations

import copy
import functools
import inspect
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


Recorded = Callable[..., tuple[Any] | None]
"""Takes the replay and a method's arguments, and returns what the method is to return, in a tuple."""


@functools.cache
def _install() -> None:
    """Wraps methods of LangChain's classes, for good, to look for a replay: below the callbacks, above the requests."""
    for kind, methods in _METHODS.items():
        for name, recorded in methods.items():
            setattr(kind, name, _wrapped(getattr(kind, name), recorded))


def _wrapped(method: Any, recorded: Recorded) -> Any:
    """The method, which during a replay returns what `recorded` finds, and runs where that is nothing."""

    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        found = (replay := _now.get()) and recorded(replay, self, *args, **kwargs)
        return found[0] if found else method(self, *args, **kwargs)

    @functools.wraps(method)
    async def call_async(self: Any, *args: Any, **kwargs: Any) -> Any:
        found = (replay := _now.get()) and recorded(replay, self, *args, **kwargs)
        return found[0] if found else await method(self, *args, **kwargs)

    return call_async if inspect.iscoroutinefunction(method) else call


def _reply(
    replay: Replay,
    _: Any,
    messages: Any,
    stop: Any = None,  # noqa: ARG001 - LangChain's; it is no setting to look for texts in
    run_manager: Any = None,
    **settings: Any,
) -> tuple[Any]:
    return (replay.reply(messages, run_manager, settings),)


def _never_streams(*_: Any, **__: Any) -> tuple[bool]:
    return (False,)


def _tool_result(
    replay: Replay, tool: Any, tool_input: Any, *_: Any, tool_call_id: str | None = None, **__: Any
) -> tuple[Any] | None:
    return replay.result("tool", tool.name, tool_input, tool_call_id)


def _documents(replay: Replay, _: Any, query: Any, *__: Any, **___: Any) -> tuple[Any] | None:
    return replay.result("retrieval", None, query)


_METHODS: Mapping[type, Mapping[str, Recorded]] = {
    BaseChatModel: {
        "_generate_with_cache": _reply,
        "_agenerate_with_cache": _reply,
        "_should_stream": _never_streams,
    },
    BaseTool: {"run": _tool_result, "arun": _tool_result},
    BaseRetriever: {"invoke": _documents, "ainvoke": _documents},
}
