"""Adapts a LangChain chat model, its name, or a function from prompt to reply to the engine's reflection model."""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any
from weakref import ReferenceType, ref

from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig

from langgraph_gepa.adapter.failures.broken_replies import NoAnswerError
from langgraph_gepa.adapter.failures.causes import status_of
from langgraph_gepa.adapter.failures.classification import error_text, is_overflow, is_world_failure
from langgraph_gepa.adapter.failures.diagnosis import is_no_answer
from langgraph_gepa.adapter.failures.frames import raised_at
from langgraph_gepa.adapter.finish_reason import ending_of
from langgraph_gepa.adapter.isolation.persistence import Replacements, isolated
from langgraph_gepa.adapter.rollout.calling import called
from langgraph_gepa.adapter.rollout.redaction import Mask
from langgraph_gepa.adapter.tracing.callback_handler import Tracer
from langgraph_gepa.adapter.tracing.payloads import estimated_tokens
from langgraph_gepa.adapter.tracing.pricing import Prices
from langgraph_gepa.core.json_data import well_formed
from langgraph_gepa.core.media import Kind, Medium, without_others
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.engine.ports import Reply, TooLong
from langgraph_gepa.errors import Error, ModelError
from langgraph_gepa.reflection.instructions import NO_CHANGE

Answerer = str | BaseChatModel | Callable[[str], str] | Callable[[str], Awaitable[str]]

KEYS = {
    "anthropic": "ANTHROPIC_API_KEY",
    "azure_openai": "AZURE_OPENAI_API_KEY",
    "cohere": "COHERE_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "fireworks": "FIREWORKS_API_KEY",
    "google_genai": "GOOGLE_API_KEY",
    "groq": "GROQ_API_KEY",
    "mistralai": "MISTRAL_API_KEY",
    "openai": "OPENAI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
    "perplexity": "PPLX_API_KEY",
    "together": "TOGETHER_API_KEY",
    "xai": "XAI_API_KEY",
}
"""The environment variable in which each provider's LangChain package looks for its key."""

LONGER = 4
"""How many times its usual limit a reply may have whose predecessor was cut off."""

_INPUTS: Mapping[Kind, str] = {
    "image": "image_inputs",
    "audio": "audio_inputs",
    "video": "video_inputs",
    "file": "pdf_inputs",
}
"""What a model's profile calls each kind of media."""

_REFUSALS = frozenset({400, 404, 413, 415, 422, 500, 501})
"""The statuses with which servers refuse media."""

TRIAL = f"""\
This call is only to find out whether you can be reached.
<current_text>
Answer the question.
</current_text>
Reply with the two words {NO_CHANGE} and nothing else."""
"""It has the form of a reflection, so that a stand-in for a model that parses reflections can answer it."""

_LIMITS = re.compile(r"max_(?:output_|completion_|new_)?tokens|max_tokens_to_sample|num_predict")
"""Matches the names that packages of providers give to the limit on a reply's length."""


class ChatReflection:
    """The engine's `LanguageModel` on `model`: `"provider:model"`, a LangChain chat model, or a
    function `prompt -> reply`, sync (run in a thread) or async.

    Dollars are `None` where the price is unknown, as a function's always is; a function's tokens are estimated. Every
    prompt is masked by `mask`; `role` names the model in messages, as the critic is one as well. Raises `ModelError` at
    once when the model cannot be made. A call raises failures of the world as they are, `NoAnswerError` for an
    unreadable answer, `TooLong` for a prompt that is too long, and `ModelError` for every other failure.
    """

    def __init__(
        self, model: Answerer, *, prices: Prices | None = None, role: str = "reflection model", **settings: Any
    ) -> None:
        if settings and not isinstance(model, str):
            raise ModelError(f"Settings ({', '.join(settings)}) go with a model given by name; set them on the model.")
        self._model = chat_model(model, **settings) if isinstance(model, str) else model
        if not isinstance(self._model, BaseChatModel) and not callable(self._model):
            raise ModelError(
                f"{type(model).__name__} is not a {role}. Give 'provider:model' (such as 'openai:gpt-5'), "
                "a LangChain chat model, or a function from prompt to reply."
            )
        self._prices = prices
        self._refuses_media = False
        self._role = role
        self.mask: Mask = str
        self._loop: ReferenceType[asyncio.AbstractEventLoop] | None = None

    @property
    def answerer(self) -> BaseChatModel | Callable[[str], Any]:
        """The chat model or the function."""
        return self._model

    @property
    def reports_usage(self) -> bool:
        """Whether it is of a kind that can report its usage, which a function is not."""
        return isinstance(self._model, BaseChatModel)

    @property
    def trial(self) -> str:
        """A tiny prompt to find out whether a provider's model answers; empty for a model without a provider.

        A function, or a chat model of the user's own class, may have answers to reflections only.
        """
        kinds = type(self._model).__mro__ if isinstance(self._model, BaseChatModel) else ()
        packages = {kind.__module__.partition(".")[0] for kind in kinds} - {"langchain_core"}
        return TRIAL if any(package.startswith("langchain_") for package in packages) else ""

    @property
    def sees(self) -> frozenset[Kind]:
        """The kinds of media that the model takes, as its profile says; images also where that is not known."""
        if not isinstance(self._model, BaseChatModel):
            return frozenset()
        profile: Mapping[str, Any] = getattr(self._model, "profile", None) or {}
        return frozenset(kind for kind, name in _INPUTS.items() if profile.get(name, kind == "image"))

    async def complete(self, prompt: str, *, longer: bool = False, media: Sequence[Medium] = ()) -> Reply:
        try:
            with isolated(Replacements()):  # the user's cache of models would return the same reply for ever
                return await self._answer(self.mask(prompt), longer, media)
        except Exception as error:
            if isinstance(error, Error):
                raise
            if is_overflow(error):
                raise TooLong(f"the prompt is too long for the {self._role} ({error_text(error)})") from error
            if is_no_answer(error):
                raise NoAnswerError(f"the {self._role}'s answer could not be read ({error_text(error)})") from error
            if is_world_failure(error):
                raise
            raise ModelError(f"The {self._role} raised {error_text(error)}{raised_at(error)}. Fix it.") from error

    async def _answer(self, prompt: str, longer: bool, media: Sequence[Medium]) -> Reply:
        if isinstance(self._model, BaseChatModel):
            tag, other = self._role.replace(" ", "-"), self._in_another_loop()
            chat = partial(_chat, self._model, tag=tag, prices=self._prices, longer=longer, in_thread=other)
            return await self._chat(chat, prompt, media)
        started = time.perf_counter()
        text = await _function(self._model, prompt, self._role)
        tokens = estimated_tokens(prompt), estimated_tokens(text)
        return Reply(well_formed(text), Usage(*tokens, None, sum(tokens)), time.perf_counter() - started)

    async def _chat(self, chat: Callable[..., Awaitable[Reply]], prompt: str, media: Sequence[Medium]) -> Reply:
        """Sends the prompt with its media; without them where the model refuses these, and then for good."""
        sent = [one for one in media if not (self._refuses_media or (one.is_url and self.mask(one.data) != one.data))]
        alone = without_others(prompt, ())
        if not sent:
            return await chat(alone if media else prompt)
        try:
            return await chat(without_others(prompt, [one.number for one in sent]), sent)
        except Exception as error:
            if not _may_refuse_media(error):
                raise
            reply = await chat(alone)
            self._refuses_media = (status_of(error) or 400) < 500
            return reply

    def _in_another_loop(self) -> bool:
        """Whether the first call was made in another event loop, to which the model's open connections belong.

        A call through these would fail or hang; in a thread of its own the model uses others.
        """
        loop = asyncio.get_running_loop()
        self._loop = self._loop or ref(loop)
        return self._loop() is not loop


def chat_model(name: str, **settings: Any) -> BaseChatModel:
    """Returns LangChain's chat model for `"provider:model"`. Raises `ModelError`, naming a missing key or package."""
    provider, colon, model_name = name.partition(":")
    provider = provider if colon else ""
    if colon and not model_name.strip():  # the provider's package would make one that fails at its first call
        raise ModelError(f"{name!r} does not name a model. Write it as 'provider:model', such as 'openai:gpt-5'.")
    try:
        model = init_chat_model(name, **settings)
    except ImportError as error:
        package = re.search(r"pip install (?:-U )?([\w-]+)", str(error))
        missing = package[1] if package else f"langchain-{provider.replace('_', '-')}"
        raise ModelError(f"The model {name!r} needs a package that is missing: pip install {missing}") from error
    except Exception as error:  # each provider's package raises its own
        key = KEYS.get(provider or type(error).__module__.partition(".")[0])
        if key and not os.environ.get(key):
            raise ModelError(f"The model {name!r} needs a key: set the environment variable {key}.") from error
        raise ModelError(
            f"The model {name!r} cannot be made: {error_text(error).splitlines()[0]} "
            "Write it as 'provider:model', such as 'openai:gpt-5'."
        ) from error
    if not isinstance(model, BaseChatModel):
        raise ModelError(f"{name!r} does not name a model. Write it as 'provider:model', such as 'openai:gpt-5'.")
    return model


def _may_refuse_media(error: Exception) -> bool:
    """Whether a call may have failed for its media: the request was refused, or a server could not handle it."""
    if is_overflow(error):
        return False
    return not is_world_failure(error) or status_of(error) in _REFUSALS


def _content(prompt: str, media: Sequence[Medium]) -> Any:
    """Returns the content of the message: the prompt, then each medium under its number."""
    if not media:
        return prompt
    blocks = (block for one in media for block in ({"type": "text", "text": f"#{one.number}:"}, one.block))
    return [{"type": "text", "text": prompt}, *blocks]


async def _in_thread(model: BaseChatModel, messages: list[BaseMessage], config: RunnableConfig) -> AIMessage:
    return await asyncio.to_thread(model.invoke, messages, config)


async def _chat(
    model: BaseChatModel,
    prompt: str,
    media: Sequence[Medium] = (),
    *,
    tag: str,
    prices: Prices | None,
    longer: bool = False,
    in_thread: bool = False,
) -> Reply:
    """Makes the call, which has the `tag` in traces."""
    call = _in_thread if in_thread else BaseChatModel.ainvoke
    tracer = Tracer(prices)
    started = time.perf_counter()
    messages: list[BaseMessage] = [HumanMessage(_content(well_formed(prompt), media))]
    config = RunnableConfig(callbacks=[tracer], tags=[tag])
    first = _with_higher_limit(model) if longer else model
    try:
        message = await call(first, messages, config)
    except Exception as error:
        if first is model or is_world_failure(error):
            raise
        message = await call(model, messages, config)  # the provider allows no higher limit
    if (failure := next(iter(tracer.unrecovered), None)) is not None:
        raise failure
    return Reply(well_formed(str(message.text)), tracer.usage, time.perf_counter() - started, ending_of(message))


def _with_higher_limit(model: BaseChatModel) -> BaseChatModel:
    """The model with a higher limit on the length of its replies; unchanged where none is known or can be set."""
    field = next(filter(_LIMITS.fullmatch, type(model).model_fields), None)
    most = (getattr(model, "profile", None) or {}).get("max_output_tokens")
    limit = getattr(model, field) if field else None
    wanted = most if limit is None else min(LONGER * limit, most or LONGER * limit)
    if field is None or wanted is None or wanted <= (limit or 0):
        return model
    return model.model_copy(update={field: wanted})


async def _function(model: Callable[[str], Any], prompt: str, role: str) -> str:
    reply = await called(model, prompt)
    if not isinstance(reply, str):
        raise ModelError(f"The function that is the {role} must return text; it returned {type(reply).__name__}.")
    return reply
