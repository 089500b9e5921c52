"""Injects texts that have no place in the graph's objects while a bound graph runs.

Code that runs inside a bound graph, in any thread or task, sees the graph's texts in a context variable:
`declared.prompt` returns them, and a text that the graph reads on every run (from a file, a store) is replaced in the
messages on their way to a model. Outside such a run the variable is empty, and model calls are unchanged.
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

from langgraph_gepa.adapter.tracing.attribution import node_path
from langgraph_gepa.core import matching
from langgraph_gepa.core.module import Module, Texts

AnyGraph = Pregel[Any, Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Replacement:
    """Replaces the module's own text, which `pattern` finds, with `text` in messages."""

    module: Module
    text: str
    pattern: matching.Pattern


@dataclass(frozen=True, slots=True)
class Injection:
    """What is injected into the runs of a bound graph.

    - `declared`: texts by the name that `prompt` is called with.
    - `replacements`: what is replaced in messages.
    - `classes`: copies of classes, by the class. Objects in the input become instances of the copies.
    """

    declared: Texts = field(default_factory=dict)
    replacements: tuple[Replacement, ...] = ()
    classes: Mapping[type, type] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.declared or self.replacements or self.classes)

    def within(self, outer: Injection | None) -> Injection:
        """Adds what the graph around this one injects; the inner graph takes precedence."""
        if outer is None:
            return self
        declared = {**outer.declared, **self.declared}
        return Injection(declared, (*self.replacements, *outer.replacements), self.classes)


_current: ContextVar[Injection | None] = ContextVar("langgraph_gepa_injection", default=None)


def current() -> Injection | None:
    """What is injected where this is called; `None` outside a bound graph."""
    return _current.get()


def current_node() -> str:
    """The path of the node in which this is called; empty outside a node."""
    config = var_child_runnable_config.get() or {}
    return node_path(config.get("metadata") or {})


def replacements(modules: Sequence[Module], texts: Texts) -> tuple[Replacement, ...]:
    """The replacements for those of `modules` that change, and for those with the same text, which must keep theirs."""
    changed = {module.text.strip() for module in modules if texts.get(module.name, module.text) != module.text}
    found = []
    for module in modules:
        same = module.text.strip() in changed
        pattern = matching.pattern(module.text, module.style, module.placeholders) if same else None
        if pattern is not None:
            found.append(Replacement(module, texts.get(module.name, module.text), pattern))
    return tuple(found)


def inject(graph: AnyGraph, injection: Injection) -> AnyGraph:
    """Makes all runs of `graph`, which is changed in place, see the injection. The graph must be a private copy."""
    if injection:
        _install()
        cls = type(graph)
        names = {"injection": injection, "__module__": cls.__module__, "__qualname__": cls.__qualname__}
        graph.__class__ = type(cls.__name__, (_InjectedGraph, cls), names)
    return graph


class _InjectedGraph(AnyGraph):
    """A graph whose runs see `injection`. It is kept on the class, which copies of the graph share."""

    injection: Injection

    def stream(self, input: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        chunks = super().stream(_recast(input, self.injection.classes), *args, **kwargs)
        try:
            while True:
                with _visible(self.injection):
                    try:
                        chunk = next(chunks)
                    except StopIteration:
                        return
                yield chunk
        finally:
            with _visible(self.injection):
                chunks.close()  # type: ignore[attr-defined]  # it is a generator

    async def astream(self, input: Any, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        chunks = super().astream(_recast(input, self.injection.classes), *args, **kwargs)
        try:
            while True:
                with _visible(self.injection):
                    try:
                        chunk = await anext(chunks)
                    except StopAsyncIteration:
                        return
                yield chunk
        finally:
            with _visible(self.injection):
                await chunks.aclose()  # type: ignore[attr-defined]  # it is a generator


def _recast(value: Any, classes: Mapping[type, type]) -> Any:
    """The state with its objects as instances of the copies of their classes. Unchanged parts are the same objects."""
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
def _visible(own: Injection) -> Iterator[None]:
    """Makes the injection visible for one step of a generator: the code that it yields to must not see it."""
    token = _current.set(own.within(_current.get()))
    try:
        yield
    finally:
        _current.reset(token)


class _Replaced(str):
    """Text in which all is replaced already: a model may convert its input twice."""

    __slots__ = ()


def replaced(messages: Sequence[BaseMessage], injection: Injection) -> list[BaseMessage]:
    """The messages with their texts replaced. Changed messages are copies; messages of models and tools stay."""
    return [_message(message, injection) for message in messages]


def _message(message: BaseMessage, injection: Injection) -> BaseMessage:
    if isinstance(message, AIMessage | ToolMessage):
        return message
    content: Any = message.content
    if isinstance(content, str):
        new: Any = _text(content, injection)
    else:
        new = [_block(block, injection) for block in content]
        if all(one is other for one, other in zip(new, content, strict=True)):
            return message
    return message if new is content else message.model_copy(update={"content": new})


def _block(block: Any, injection: Injection) -> Any:
    if isinstance(block, str):
        return _text(block, injection)
    if isinstance(block, Mapping) and isinstance(text := block.get("text"), str):
        new = _text(text, injection)
        return block if new is text else {**block, "text": new}
    return block


def _text(message: str, injection: Injection) -> str:
    """The text of a message with all replaced; the same object when nothing changes."""
    if isinstance(message, _Replaced):
        return message
    made, at = [], 0
    for start, end, new in _new_spans(message, injection):
        if start >= at:
            made += [message[at:start], new]
            at = end
    changed = "".join([*made, message[at:]])
    return message if changed == message else _Replaced(changed)


def _new_spans(message: str, injection: Injection) -> list[tuple[int, int, str]]:
    """The spans to replace and their new texts, from left to right, of those with one start the longest first."""
    found: dict[tuple[int, int], tuple[Module, str]] = {}
    node = None
    for replacement in injection.replacements:
        module = replacement.module
        for match in replacement.pattern.matches(message):
            new = matching.filled(replacement.text.strip(), module.style, match.values, module.placeholders)
            if new is None:
                continue
            span = match.start, match.end
            if span in found:  # two modules have the same text: it is the one that this node uses
                node = current_node() if node is None else node
                if node not in module.nodes or node in found[span][0].nodes:
                    continue
            found[span] = module, new
    spans = [(start, end, new) for (start, end), (_, new) in found.items()]
    return sorted(spans, key=lambda span: (span[0], -span[1]))


@functools.cache
def _install() -> None:
    """Makes every LangChain model look at the current injection, from the first graph that injects anything."""
    for kind in (BaseChatModel, BaseLLM):
        kind._convert_input = _converting(kind._convert_input)  # type: ignore[method-assign]
        kind.generate = _generating(kind.generate)  # type: ignore[method-assign]
        kind.agenerate = _generating(kind.agenerate)  # type: ignore[method-assign]


def _converting(own: Callable[..., PromptValue]) -> Callable[..., PromptValue]:
    @functools.wraps(own)
    def convert(self: Any, *args: Any, **kwargs: Any) -> PromptValue:
        value = own(self, *args, **kwargs)
        injection = _current.get()
        if injection is None or not injection.replacements:
            return value
        if isinstance(self, BaseLLM) and isinstance(value, StringPromptValue):
            new = _text(value.text, injection)
            return value if new is value.text else value.model_copy(update={"text": new})
        before = value.to_messages()
        messages = replaced(before, injection)
        changed = any(one is not other for one, other in zip(messages, before, strict=True))
        return ChatPromptValue(messages=messages) if changed else value

    return convert


def _generating(own: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps `generate` and `agenerate` for code that calls them with messages directly."""

    @functools.wraps(own)
    def generate(self: Any, *args: Any, **kwargs: Any) -> Any:
        injection = _current.get()
        if injection is not None and injection.replacements:
            args = tuple(_batch(one, injection) if i == 0 else one for i, one in enumerate(args))
            kwargs |= {name: _batch(kwargs[name], injection) for name in ("messages", "prompts") if name in kwargs}
        return own(self, *args, **kwargs)

    return generate


def _batch(batch: Sequence[Any], injection: Injection) -> list[Any]:
    return [_text(one, injection) if isinstance(one, str) else replaced(one, injection) for one in batch]
