"""Fakes for the ports of the engine: an evaluator, and a language model."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from langgraph_gepa.core.candidate import texts_key
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.media import Medium
from langgraph_gepa.core.module import Module, Texts
from langgraph_gepa.core.rollout import Call, Feedback, Rollout, Usage
from langgraph_gepa.engine.ports import Reply

Score = Callable[[Texts, Example], float | Feedback | Exception]


class FakeEvaluator:
    """An `Evaluator` that scores rollouts by `score` of the texts and the example; an exception fails the candidate.

    Each rollout has one model call per module that is `used` on the example, which carries the module's text and
    answers with the score, and costs `usage`; the nodes that ran are `start` and theirs. `seed` is the modules, or
    their texts by name. `pace` is awaited before a rollout ends, so that a test can hold it or fail it as the world
    does; without it the others get a turn. `started` and `finished` list key of texts and id of example, in order.
    """

    def __init__(
        self,
        seed: Iterable[Module] | Texts,
        score: Score,
        *,
        fingerprint: str = "fake",
        usage: Usage = Usage(10, 5, 0.001),
        check: Callable[[str, str], str | None] = lambda _module, _text: None,
        pace: Callable[[Texts, Example], Awaitable[None]] | None = None,
        used: Callable[[str, Example], bool] = lambda _module, _example: True,
    ) -> None:
        if isinstance(seed, Mapping):
            seed = (Module(name, "prompt", text, nodes=(name,)) for name, text in seed.items())
        self.modules: tuple[Module, ...] = tuple(seed)
        self.fingerprint = fingerprint
        self.started: list[tuple[str, str]] = []
        self.finished: list[tuple[str, str]] = []
        self._score = score
        self._check = check
        self._usage = usage
        self._pace = pace
        self._used = used

    def check(self, module: str, text: str) -> str | None:
        return self._check(module, text)

    async def evaluate(self, texts: Texts, example: Example) -> Rollout:
        what = (texts_key(texts), example.id)
        self.started.append(what)
        await (asyncio.sleep(0) if self._pace is None else self._pace(texts, example))
        scored = self._score(texts, example)
        error = str(scored) if isinstance(scored, Exception) else None
        scored = 0.0 if isinstance(scored, Exception) else scored
        feedback = scored if isinstance(scored, Feedback) else Feedback(float(scored), error or f"scored {scored}")
        used = {name: text for name, text in texts.items() if self._used(name, example)}
        calls = tuple(_call(name, text, example, feedback) for name, text in used.items())
        self.finished.append(what)
        outputs = None if error else {"score": feedback.score}
        return Rollout(example.id, outputs, feedback, calls, self._usage, 1.0, error, nodes=("start", *used))


def _call(name: str, text: str, example: Example, feedback: Feedback) -> Call:
    messages = [{"role": "system", "content": text}, {"role": "user", "content": str(dict(example.inputs))}]
    answer = {"role": "assistant", "content": str(feedback.score)}
    return Call("model", name, "fake", messages, answer, modules=(name,))


class FakeLanguageModel:
    """A `LanguageModel` that answers from a function of the prompt, or from a script, reply by reply.

    A reply that is an exception is raised. `prompts` lists what was asked, in order, and `media` what was
    sent along with each. A script that is at its end raises `RuntimeError`.
    """

    def __init__(
        self,
        replies: Callable[[str], str | Exception] | Iterable[str | Exception],
        *,
        usage: Usage = Usage(100, 50, 0.01),
    ) -> None:
        self.prompts: list[str] = []
        self.media: list[tuple[Medium, ...]] = []
        self._script = None if callable(replies) else iter(replies)
        self._answer = replies if callable(replies) else self._next
        self._usage = usage

    async def complete(
        self,
        prompt: str,
        *,
        longer: bool = False,  # noqa: ARG002 - the port's name
        media: Sequence[Medium] = (),
    ) -> Reply:
        self.prompts.append(prompt)
        self.media.append(tuple(media))
        await asyncio.sleep(0)
        reply = self._answer(prompt)
        if isinstance(reply, Exception):
            raise reply
        return Reply(reply, self._usage, 1.0)

    def _next(self, _prompt: str) -> str | Exception:
        for reply in self._script or ():
            return reply
        raise RuntimeError(f"the script of replies ends before prompt {len(self.prompts)}")
