"""Answers that are none, under HTTP 200: the world's for graph, judge and reflection model, through any client."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import openai
import pytest
import requests
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration
from langchain_openai import ChatOpenAI
from langgraph.graph import START, StateGraph
from langsmith import schemas
from pydantic import BaseModel, SecretStr, ValidationError
from typing_extensions import TypedDict

from langgraph_gepa import evaluate
from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.adapter.failures.broken_replies import NoAnswerError, is_unreadable
from langgraph_gepa.adapter.failures.classification import is_world_failure
from langgraph_gepa.adapter.reflection_model import ChatReflection
from langgraph_gepa.adapter.rollout.evaluator import GraphEvaluator
from langgraph_gepa.adapter.tracing.payloads import is_empty
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.engine.ports import Unfinished

HEAD = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"}
GOOD = json.dumps(HEAD | {"choices": [{"index": 0, "message": {"role": "assistant", "content": "no JSON"}}]})
BAD = {
    "an error body": '{"error": {"message": "upstream overloaded", "type": "server_error", "code": 502}}',
    "an error in words": '{"error": "the model is overloaded"}',
    "empty choices": json.dumps(HEAD | {"choices": []}),
    "null choices": json.dumps(HEAD | {"choices": None}),
    "no choices": "{}",
    "a null message": json.dumps(HEAD | {"choices": [{"index": 0, "message": None}]}),
    "cut JSON": '{"id": "x", "choices": [{"ind',
    "a page": "<html>502 Bad gateway</html>",
    "nothing": "",
    "another shape": "[]",
}


class State(TypedDict, total=False):
    question: str
    answer: Any


@contextmanager
def answering(*bodies: str, stream: bool = False) -> Iterator[str]:
    """A server that gives these answers, the last one for ever."""
    left = list(bodies)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            body = left.pop(0) if len(left) > 1 else left[0]
            kind = "text/html" if body.startswith("<") else "application/json"
            if stream and kind != "text/html":
                body, kind = f"data: {body}\n\ndata: [DONE]\n\n", "text/event-stream"
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def chat(url: str, **how: Any) -> ChatOpenAI:
    return ChatOpenAI(
        model="m", base_url=url, api_key=SecretStr("k"), max_retries=0, default_headers={"Connection": "close"}, **how
    )


def through_langchain(url: str, **how: Any) -> str:
    return str(chat(url, **how).invoke("hi").text)


def through_openai(url: str) -> Any:
    with openai.OpenAI(base_url=url, api_key="k", max_retries=0) as client:
        asked = client.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
    return asked.choices[0].message.content


def through_httpx(url: str) -> Any:
    return httpx.post(url, json={}).json()["choices"][0]["message"]["content"]


def through_requests(url: str) -> Any:
    data = requests.post(url, json={}, timeout=9).json()
    return data["choices"][0]["message"]["content"]


def parsed_by_hand(url: str) -> Any:
    answer = httpx.post(url, json={})
    return json.loads(answer.text)["choices"][0]["message"]["content"]


def graph_of(node: Callable[[str], Any]) -> Any:
    return (
        StateGraph(State).add_node("node", lambda s: {"answer": node(s["question"])}).add_edge(START, "node").compile()
    )


def rollout(node: Callable[[str], Any], metric: Any = lambda outputs: 1.0) -> Rollout:
    return asyncio.run(GraphEvaluator(survey(graph_of(node)), metric).evaluate({}, Example("e", {"question": "q"})))


def failure(call: Callable[[], Any]) -> BaseException:
    """What the engine is told: the failure itself, or that of a rollout which has to stand if it never gets better."""
    with pytest.raises(Exception) as raised:
        call()
    return raised.value.cause if isinstance(raised.value, Unfinished) else raised.value


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_chat_model_without_an_answer_is_the_worlds_failure(body: str, stream: bool) -> None:
    """In a node, in a judge and as the reflection model."""
    with answering(body, stream=stream) as url:

        def asked(*_: Any) -> str:
            return through_langchain(url, streaming=stream)

        reflection = ChatReflection(chat(url, streaming=stream))
        assert is_world_failure(failure(lambda: rollout(asked)))
        assert is_world_failure(failure(lambda: rollout(str, lambda outputs: float(bool(asked())))))
        assert is_world_failure(failure(lambda: asyncio.run(reflection.complete("hi"))))


@pytest.mark.parametrize("body", [BAD[name] for name in BAD if name not in ("a null message", "another shape")])
@pytest.mark.parametrize("call", [through_openai, through_httpx, through_requests, parsed_by_hand])
def test_a_client_without_langchain_gets_no_answer_either(call: Callable[[str], Any], body: str) -> None:
    """What cannot be read is known by the response it came in, or by the choices that every answer has."""
    with answering(body) as url, pytest.raises(Unfinished):
        rollout(lambda _: call(url))


@pytest.mark.parametrize("call", [through_langchain, through_openai, through_httpx, through_requests])
def test_a_models_words_that_cannot_be_parsed_are_the_candidates(call: Callable[[str], Any]) -> None:
    """The answer arrived whole; that it is no JSON is what its prompt is to blame for."""
    with answering(GOOD) as url:
        done = rollout(lambda _: json.loads(call(url)))
    assert done.score == 0
    assert "JSONDecodeError" in str(done.error)


@pytest.mark.parametrize(
    "node",
    [
        lambda question: {"choices": ["a", "b"]}["choices"][len(question) + 4],
        lambda question: {"options": question}["choices"],
        lambda question: question.choices,
        lambda question: len(question)[0],  # type: ignore[index]
    ],
)
def test_mistakes_of_a_node_are_no_broken_answers(node: Callable[[str], Any]) -> None:
    """Keys, places and attributes that are not there follow from what a model said, as ever."""
    assert rollout(node).score == 0


class Shape(BaseModel):
    n: int


def test_a_schema_that_an_answer_does_not_fit_is_judged_by_whose_it_is() -> None:
    """A client's own says that the answer is none, the user's that the model's words are wrong."""
    for schema, unreadable in ((schemas.Run, True), (Shape, False)):
        with pytest.raises(ValidationError) as refused:
            schema()  # type: ignore[call-arg, operator]
        assert is_unreadable(refused.value, in_model_call=True) is unreadable
        assert not is_unreadable(refused.value)


@pytest.mark.parametrize(
    ("message", "streamed", "empty"),
    [
        (AIMessage(""), True, True),
        (AIMessage(""), False, False),  # as a model in a test answers
        (AIMessage([], response_metadata={"model_provider": "x", "stop_reason": None}), False, True),
        (AIMessage("", response_metadata={"finish_reason": "stop"}), True, False),
        (AIMessage("", usage_metadata={"input_tokens": 9, "output_tokens": 0, "total_tokens": 9}), True, True),
        (AIMessage("", usage_metadata={"input_tokens": 9, "output_tokens": 7, "total_tokens": 16}), True, False),
        (AIMessage("", tool_calls=[{"name": "search", "args": {}, "id": "1"}]), True, False),
        (AIMessage("word"), True, False),
    ],
)
def test_an_answer_that_says_nothing_not_even_why_it_ended_is_none(message: Any, streamed: bool, empty: bool) -> None:
    """A model that has nothing to say stops all the same, or spends tokens on thinking."""
    assert is_empty(ChatGeneration(message=message), streamed=streamed) is empty


def test_what_a_node_swallows_is_seen_all_the_same() -> None:
    """A node that answers "sorry" when its model cannot be reached is not scored for it at once."""

    def sorry(url: str) -> str:
        try:
            return through_langchain(url)
        except Exception:  # noqa: BLE001 - this is the case
            return "sorry"

    with answering(BAD["cut JSON"]) as url, pytest.raises(Unfinished) as unfinished:
        rollout(lambda _: sorry(url))
    assert unfinished.value.stands is not None
    assert unfinished.value.stands.score == 1.0
    with answering(BAD["cut JSON"], GOOD) as url:
        assert rollout(lambda _: [sorry(url), sorry(url)]).score == 1.0


@pytest.mark.usefixtures("impatient")
def test_a_glitch_is_tried_again_and_never_scored() -> None:
    """Twice garbage, then an answer: what counts is the answer."""
    with answering(BAD["null choices"], BAD["empty choices"], GOOD) as url:
        done = evaluate(
            graph_of(lambda _: through_langchain(url)), [{"inputs": {"question": "q"}}],
            metric=lambda outputs: float(outputs["answer"] == "no JSON"),
        )  # fmt: skip
    assert (done.before.mean, done.failures) == (1.0, {})


def test_a_reflection_model_without_an_answer_says_so() -> None:
    """No "fix it" for what is nobody's mistake."""
    with answering(BAD["null choices"]) as url, pytest.raises(NoAnswerError, match="answer could not be read"):
        asyncio.run(ChatReflection(chat(url)).complete("hi"))
    with answering(BAD["a page"]) as url, pytest.raises(NoAnswerError, match="answer could not be read"):
        asyncio.run(ChatReflection(lambda _: through_openai(url)).complete("hi"))
