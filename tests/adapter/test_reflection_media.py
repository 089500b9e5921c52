"""Pictures and files on the wire to the reflection model."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from langgraph.graph import StateGraph
from typing_extensions import TypedDict

from langgraph_gepa import Budget, RunnerOptions, optimize
from langgraph_gepa.adapter.reflection_model import ChatReflection
from langgraph_gepa.core.events import RolloutFinished
from langgraph_gepa.core.media import Medium, named
from langgraph_gepa.core.rollout import Rollout
from langgraph_gepa.demo.server import Answer, ApiError, Request, SimulatedServer
from langgraph_gepa.engine.codec import load
from langgraph_gepa.store.folder import open_run

DATA = "iVBORw0KGgo" + "A" * 89
PICTURE, PAGE = Medium("image", "image/png", DATA), Medium("image", "", "https://example.com/page.png")
PROMPT = f"What is wrong? {named('image', 'image/png', DATA)} {named('image', '', PAGE.data)}"


class Wire:
    """A simulated model that keeps what it was sent, and fails as it is told to."""

    def __init__(self, failure: Callable[[bool], ApiError | None] = lambda _: None) -> None:
        self.requests: list[Request] = []
        self._failure = failure

    def __call__(self, request: Request, rng: random.Random) -> Answer:
        self.requests.append(request)
        if failure := self._failure("image_url" in str(self.blocks[-1])):
            raise failure
        return Answer("NO CHANGE")

    @property
    def blocks(self) -> list[Any]:
        return [request.messages[-1]["content"] for request in self.requests]


def chat(server: SimulatedServer, **settings: Any) -> ChatOpenAI:
    return ChatOpenAI(
        model="reflector", base_url=server.base_url, api_key="k", max_retries=0,
        default_headers={"Connection": "close"}, **settings,
    )  # fmt: skip


def sent(wire: Wire, media: list[Medium], calls: int = 1) -> list[Any]:
    async def scenario(model: ChatReflection) -> None:
        for _ in range(calls):
            await model.complete(PROMPT, media=media)

    with SimulatedServer({"reflector": wire}) as server:
        asyncio.run(scenario(ChatReflection(chat(server))))
    return wire.blocks


def test_pictures_follow_the_prompt_under_their_numbers() -> None:
    """As blocks of the provider's own form; a URL is passed on and never fetched."""
    (content,) = sent(Wire(), [PICTURE, PAGE])
    assert content == [
        {"type": "text", "text": PROMPT},
        {"type": "text", "text": f"#{PICTURE.number}:"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DATA}"}},
        {"type": "text", "text": f"#{PAGE.number}:"},
        {"type": "image_url", "image_url": {"url": PAGE.data}},
    ]


def test_without_media_the_prompt_is_plain_text() -> None:
    """As it always was."""
    assert sent(Wire(), []) == [PROMPT]


@pytest.mark.parametrize("status", [400, 404, 415, 422])
def test_a_model_that_refuses_pictures_reads_text_from_then_on(status: int) -> None:
    """The prompt says what was left out, and no picture is sent again."""
    wire = Wire(lambda picture: ApiError(status, "image_url is not supported") if picture else None)
    refused, *texts = sent(wire, [PICTURE], calls=2)
    assert isinstance(refused, list)
    assert texts == ["What is wrong? [image, png, left out] [image, https://example.com/page.png, left out]"] * 2


def test_a_server_that_fails_on_pictures_reads_text_too() -> None:
    """Whether it was the picture is not known, so the next one is tried again."""
    wire = Wire(lambda picture: ApiError(500, "internal error") if picture else None)
    assert [isinstance(content, str) for content in sent(wire, [PICTURE], calls=2)] == [False, True, False, True]


def test_a_rate_limit_is_no_refusal() -> None:
    """The call is tried again as it is, by the engine."""
    wire = Wire(lambda _: ApiError(429, "slow down"))
    with pytest.raises(Exception, match="slow down"):
        sent(wire, [PICTURE])
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    ("profile", "sees"),
    [
        (None, {"image"}),
        ({"image_inputs": False}, set()),
        ({"image_inputs": True, "pdf_inputs": True, "audio_inputs": False}, {"image", "file"}),
    ],
)
def test_a_profile_says_what_a_model_sees(profile: Any, sees: set[str]) -> None:
    """Where nothing is known pictures are tried; a function reads text only."""
    assert ChatReflection(ChatOpenAI(model="unknown", api_key="k", profile=profile)).sees == sees
    assert ChatReflection(lambda _: "NO CHANGE").sees == frozenset()


def test_a_secret_in_a_url_is_not_sent() -> None:
    """What the mask would hide in a text it hides in an address."""
    wire = Wire()
    with SimulatedServer({"reflector": wire}) as server:
        model = ChatReflection(chat(server))
        model.mask = lambda text: text.replace("page.png", "<hidden>")
        asyncio.run(model.complete(PROMPT, media=[PAGE]))
    (text,) = wire.blocks
    assert text == "What is wrong? [image, png, left out] [image, https://example.com/<hidden>, left out]"


class Scene(TypedDict, total=False):
    picture: str
    answer: str


ASK = "Say what you see."


def looking(model: ChatOpenAI) -> Any:
    def look(scene: Scene) -> Scene:
        block = {"type": "image_url", "image_url": {"url": scene["picture"]}}
        return {"answer": model.invoke([HumanMessage([{"type": "text", "text": ASK}, block])]).text}

    return StateGraph(Scene).add_node("look", look).set_entry_point("look").compile()


@pytest.mark.parametrize("options", [RunnerOptions(), RunnerOptions(mask=str)])
def test_a_picture_of_an_example_reaches_the_reflection_model(tmp_path: Path, options: RunnerOptions) -> None:
    """Found again by its number in the example, as traces keep no base64; not with a mask, which cannot hide in it."""
    picture = f"data:image/png;base64,{DATA}"
    rows = [{"inputs": {"picture": picture}, "outputs": {"answer": "cat"}} for _ in range(4)]
    wire = Wire()
    with SimulatedServer({"reflector": wire, "eyes": lambda request, rng: Answer("dog")}) as server:
        result = optimize(
            looking(ChatOpenAI(model="eyes", base_url=server.base_url, api_key="k")), rows, rows,
            metric=lambda outputs: 0.5, reflection_lm=chat(server), budget=Budget(iterations=1), run=tmp_path / "run",
            options=options, progress=False,
        )  # fmt: skip
    asked = wire.blocks[-1]
    assert ("image_url" in str(asked)) is (options.mask is None)
    if options.mask is None:
        assert [block["image_url"]["url"] for block in asked if block["type"] == "image_url"] == [picture]
        assert f"#{PICTURE.number}]" in asked[0]["text"]
    assert DATA not in str([rollout.calls for rollout in _rollouts(result.run)])


def _rollouts(run: Path) -> list[Any]:
    with closing(open_run(run, create=False, read_only=True)) as store:
        keys = [event.ledger for _, event in store.events() if isinstance(event, RolloutFinished)]
        return [load(Rollout, str(store.paid(key))) for key in keys]
