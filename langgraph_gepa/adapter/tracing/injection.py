"""Texts that have no place in the graph's objects, served while a bound graph runs.

What runs inside a bound graph, in whatever thread or task, sees its texts in a context variable:
`declared.prompt` answers from it, and a text that the graph reads anew on every run (from a file, a
store) is replaced in the messages on their way into a chat model. Outside of such a run a model call
looks at the variable, finds nothing and goes on as ever.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from langchain_core.language_models import BaseChatModel, BaseLLM
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.prompt_values import ChatPromptValue, PromptValue, StringPromptValue
from langchain_core.runnables.config import var_child_runnable_config
from langgraph.pregel import Pregel

from langgraph_gepa.adapter.tracing.callback_handler import node_path
from langgraph_gepa.core import matching
from langgraph_gepa.core.module import Module, Texts

AnyGraph = Pregel[Any, Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Rewrite:
    """In a message that says `module`'s own text, says `text` in its place."""

    module: Module
    text: str
    pattern: matching.Pattern


@dataclass(frozen=True, slots=True)
class Served:
    """`declared` are texts by the name `prompt` is called with. Objects that come in with the state are taken for
    instances of the copies in `classes`."""

    declared: Texts = field(default_factory=dict)
    rewrites: tuple[Rewrite, ...] = ()
    classes: Mapping[type, type] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.declared or self.rewrites or self.classes)

    def within(self, outer: Served | None) -> Served:
        """With what a graph around this one serves; where both do, the inner one's."""
        if outer is None:
            return self
        return Served({**outer.declared, **self.declared}, (*self.rewrites, *outer.rewrites), self.classes)


_now: ContextVar[Served | None] = ContextVar("langgraph_gepa_served", default=None)


def now() -> Served | None:
    """What is served where this is called."""
    return _now.get()


def node() -> str:
    """The path of the node this is called in, `""` outside any."""
    config = var_child_runnable_config.get() or {}
    return node_path(config.get("metadata") or {})


def rewrites(modules: Sequence[Module], texts: Texts) -> tuple[Rewrite, ...]:
    """Those of `modules` that change, and those that say the same as one that does: they must keep their text."""
    changed = {module.text.strip() for module in modules if texts.get(module.name, module.text) != module.text}
    found = []
    for module in modules:
        same = module.text.strip() in changed
        pattern = matching.pattern(module.text, module.style, module.placeholders) if same else None
        if pattern is not None:
            found.append(Rewrite(module, texts.get(module.name, module.text), pattern))
    return tuple(found)


def serving(graph: AnyGraph, served: Served) -> AnyGraph:
    """Makes `graph` serve these texts whenever it runs. It is ours alone and is changed in place."""
    if served:
        _install()
        cls = type(graph)
        names = {"served": served, "__module__": cls.__module__, "__qualname__": cls.__qualname__}
        graph.__class__ = type(cls.__name__, (_Serving, cls), names)
    return graph


class _Serving(AnyGraph):
    """A graph whose runs see `served`. It is kept on the class, which copies of the graph share."""

    served: Served

    def stream(self, input: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        chunks = super().stream(_recast(input, self.served.classes), *args, **kwargs)
        try:
            while True:
                with _served(self.served):
                    try:
                        chunk = next(chunks)
                    except StopIteration:
                        return
                yield chunk
        finally:
            with _served(self.served):
                chunks.close()  # type: ignore[attr-defined]  # it is a generator

    async def astream(self, input: Any, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        chunks = super().astream(_recast(input, self.served.classes), *args, **kwargs)
        try:
            while True:
                with _served(self.served):
                    try:
                        chunk = await anext(chunks)
                    except StopAsyncIteration:
                        return
                yield chunk
        finally:
            with _served(self.served):
                await chunks.aclose()  # type: ignore[attr-defined]  # it is a generator


def _recast(value: Any, classes: Mapping[type, type]) -> Any:
    """The state with its objects as instances of the copies of their classes; what does not change is the same."""
    if not classes:
        return value
    if type(value) is dict:
        made: Any = {key: _recast(item, classes) for key, item in value.items()}
        return value if all(made[key] is item for key, item in value.items()) else made
    if type(value) in (list, tuple):
        made = type(value)(_recast(item, classes) for item in value)
        return value if all(one is other for one, other in zip(made, value, strict=True)) else made
    if type(value) not in classes:
        return value
    clone = copy.copy(value)
    object.__setattr__(clone, "__class__", classes[type(value)])
    for name, item in list(getattr(clone, "__dict__", {}).items()):
        clone.__dict__[name] = _recast(item, classes)
    return clone


@contextmanager
def _served(own: Served) -> Iterator[None]:
    """For one step of a generator: what it yields to must not see the texts."""
    token = _now.set(own.within(_now.get()))
    try:
        yield
    finally:
        _now.reset(token)


class _Rewritten(str):
    """Text that has been through here: a model may convert its input twice."""

    __slots__ = ()


def told(messages: Sequence[BaseMessage], served: Served) -> list[BaseMessage]:
    """The messages as a model is to get them. Those that change are copies; what the model said itself stays."""
    return [_message(message, served) for message in messages]


def _message(message: BaseMessage, served: Served) -> BaseMessage:
    if isinstance(message, AIMessage | ToolMessage):
        return message
    content: Any = message.content
    if isinstance(content, str):
        new: Any = _text(content, served)
    else:
        new = [_block(block, served) for block in content]
        if all(one is other for one, other in zip(new, content, strict=True)):
            return message
    return message if new is content else message.model_copy(update={"content": new})


def _block(block: Any, served: Served) -> Any:
    if isinstance(block, str):
        return _text(block, served)
    if isinstance(block, Mapping) and isinstance(text := block.get("text"), str):
        new = _text(text, served)
        return block if new is text else {**block, "text": new}
    return block


def _text(said: str, served: Served) -> str:
    """`said` itself when nothing changes."""
    if isinstance(said, _Rewritten):
        return said
    made, at = [], 0
    for start, end, new in _places(said, served):
        if start >= at:
            made += [said[at:start], new]
            at = end
    changed = "".join([*made, said[at:]])
    return said if changed == said else _Rewritten(changed)


def _places(said: str, served: Served) -> list[tuple[int, int, str]]:
    """What is to be replaced, from left to right, of overlapping ones the longest first."""
    found: dict[tuple[int, int], tuple[Rewrite, str]] = {}
    where = None
    for rewrite in served.rewrites:
        for match in rewrite.pattern.matches(said):
            module = rewrite.module
            new = matching.filled(rewrite.text.strip(), module.style, match.values, module.placeholders)
            if new is None:
                continue
            span = match.start, match.end
            if span in found:  # the same text from two places: the one that is used in this node
                where = node() if where is None else where
                if where not in module.nodes or where in found[span][0].module.nodes:
                    continue
            found[span] = rewrite, new
    places = [(start, end, new) for (start, end), (_, new) in found.items()]
    return sorted(places, key=lambda place: (place[0], -place[1]))


@functools.cache
def _install() -> None:
    """Has every LangChain model look at what is served, from the first graph that serves anything."""
    for kind in (BaseChatModel, BaseLLM):
        kind._convert_input = _converting(kind._convert_input)  # type: ignore[method-assign]
        kind.generate = _generating(kind.generate)  # type: ignore[method-assign]
        kind.agenerate = _generating(kind.agenerate)  # type: ignore[method-assign]


def _converting(own: Callable[..., PromptValue]) -> Callable[..., PromptValue]:
    @functools.wraps(own)
    def convert(self: Any, *args: Any, **kwargs: Any) -> PromptValue:
        value = own(self, *args, **kwargs)
        served = _now.get()
        if served is None or not served.rewrites:
            return value
        if isinstance(self, BaseLLM) and isinstance(value, StringPromptValue):
            new = _text(value.text, served)
            return value if new is value.text else value.model_copy(update={"text": new})
        before = value.to_messages()
        messages = told(before, served)
        changed = any(one is not other for one, other in zip(messages, before, strict=True))
        return ChatPromptValue(messages=messages) if changed else value

    return convert


def _generating(own: Callable[..., Any]) -> Callable[..., Any]:
    """`generate` and `agenerate`, for those who call them with messages themselves."""

    @functools.wraps(own)
    def generate(self: Any, *args: Any, **kwargs: Any) -> Any:
        served = _now.get()
        if served is not None and served.rewrites:
            args = tuple(_batch(one, served) if i == 0 else one for i, one in enumerate(args))
            kwargs |= {name: _batch(kwargs[name], served) for name in ("messages", "prompts") if name in kwargs}
        return own(self, *args, **kwargs)

    return generate


def _batch(batch: Sequence[Any], served: Served) -> list[Any]:
    return [_text(one, served) if isinstance(one, str) else told(one, served) for one in batch]
