"""What a model's server must get right on the wire, checked with LangChain's `ChatOpenAI` and our own code.

Each check returns what it saw, and whether that is as it should be.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypedDict

from langchain_openai import ChatOpenAI
from langgraph.graph import START, StateGraph
from pydantic import BaseModel, Field, SecretStr, ValidationError

from langgraph_gepa import evaluate
from langgraph_gepa.adapter.reflection_model import ChatReflection
from langgraph_gepa.adapter.tracing.callback_handler import Tracer
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.engine.ports import Reply, TooLong
from langgraph_gepa.runs import event_loop

LATE = 3.0
"""Seconds after which a late server starts."""


@dataclass(frozen=True, slots=True)
class Finding:
    check: str
    ok: bool
    seen: str

    def __str__(self) -> str:
        return f"{'ok' if self.ok else 'NOT OK':7} {self.check:17} {self.seen}"


class City(BaseModel):
    """The city that a sentence names."""

    city: str = Field(max_length=30)
    letters: int


class State(TypedDict, total=False):
    question: str
    answer: str


def chat(url: str, name: str, **settings: Any) -> ChatOpenAI:
    """The model behind `url`. It never retries by itself, so that what is waited for is waited for by us."""
    return ChatOpenAI(
        model=name, base_url=url, api_key=SecretStr("none"), max_retries=0, temperature=0, timeout=120, **settings
    )


def findings(url: str, name: str, context: int) -> Iterator[Finding]:
    """Checks the server at `url`, whose model takes at most `context` tokens."""
    model = chat(url, name, max_completion_tokens=20)
    yield usage(model)
    yield streaming(chat(url, name, max_completion_tokens=20, streaming=True, stream_usage=True))
    yield schema(chat(url, name, max_completion_tokens=80))
    yield cut(chat(url, name, max_completion_tokens=5))
    yield overflow(model, context)


def usage(model: ChatOpenAI) -> Finding:
    """The provider counts the tokens; nothing is estimated."""
    tracer = Tracer()
    reply = model.invoke("Name a city in Italy.", {"callbacks": [tracer]}).text
    return Finding("usage", _counted(tracer.usage), f"{_tokens(tracer.usage)}; reply {reply!r}")


def streaming(model: ChatOpenAI) -> Finding:
    """A reply comes in several pieces, and its tokens are counted as well."""
    tracer = Tracer()
    pieces = [piece.text for piece in model.stream("Name a city in Italy.", {"callbacks": [tracer]}) if piece.text]
    seen = f"{len(pieces)} pieces, {_tokens(tracer.usage)}; reply {''.join(pieces)!r}"
    return Finding("streaming", len(pieces) > 1 and _counted(tracer.usage), seen)


def schema(model: ChatOpenAI) -> Finding:
    """A reply follows a JSON schema."""
    try:
        found = model.with_structured_output(City, method="json_schema").invoke("We met in Paris. Which city is named?")
    except (ValidationError, ValueError) as error:
        return Finding("JSON schema", False, f"{type(error).__name__}: {str(error).splitlines()[0]}")
    return Finding("JSON schema", isinstance(found, City), repr(found))


def cut(model: ChatOpenAI) -> Finding:
    """A reply that reaches the limit of its length is known to be cut off."""
    reply = _completed(model, "Tell me a long story about the sea.")
    return Finding("cut reply", reply.ending == "cut", f"ending {reply.ending!r}; reply {reply.text!r}")


def overflow(model: ChatOpenAI, context: int) -> Finding:
    """A prompt that is too long for the model is known to be so."""
    try:
        reply = _completed(model, "word " * (context + 100))
    except TooLong as error:
        return Finding("context overflow", True, str(error))
    return Finding("context overflow", False, f"no refusal; reply {reply.text!r}")


def late(start: Callable[[int], AbstractContextManager[str]], port: int, name: str, after: float = LATE) -> Finding:
    """A server that starts `after` seconds too late is waited for, and every rollout is scored."""
    ended = threading.Event()

    def serve() -> None:
        time.sleep(after)
        with start(port):
            ended.wait()

    def answer(state: State) -> State:
        return {"answer": model.invoke(f"Answer the question.\n\n{state['question']}").text}

    model = chat(f"http://127.0.0.1:{port}/v1", name, max_completion_tokens=5)
    graph = StateGraph(State).add_node("answer", answer).add_edge(START, "answer").compile()
    questions: list[Any] = [{"inputs": {"question": f"Name a city in {land}."}} for land in ("Italy", "Spain")]
    server = threading.Thread(target=serve)
    began = time.perf_counter()
    server.start()
    try:
        scores = evaluate(graph, questions, metric=lambda outputs: bool(outputs["answer"]), concurrency=1)
    finally:
        ended.set()
        server.join()
    took = time.perf_counter() - began
    seen = f"started after {after:.1f} s; {scores.before.n} rollouts, {len(scores.failures)} failed, {took:.1f} s"
    return Finding("late server", not scores.failures and took >= after, seen)


def _completed(model: ChatOpenAI, prompt: str) -> Reply:
    """The reply as a search gets it, on the event loop of all searches: LangChain's clients are bound to one loop."""
    return event_loop.run(lambda _: ChatReflection(model).complete(prompt))


def _counted(used: Usage) -> bool:
    return bool(used.input_tokens and used.output_tokens) and not used.estimated


def _tokens(used: Usage) -> str:
    return f"{used.input_tokens} tokens in, {used.output_tokens} out, {used.estimated} estimated"
