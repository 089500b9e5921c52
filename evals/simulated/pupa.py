"""Simulated models for `graphs/pupa.py` and `evals/pupa.py`: trusted model, untrusted model, judge, reflection model.

No model is behind them. The trusted one hides private details and restores them as its prompt asks for, and often
fails where the prompt is silent; the untrusted one replies as well as what it is sent allows; the judge compares
replies. In place of understanding they hold the examples: what is private in a request, and a good reply to
it. Their scores say something about prompts and bookkeeping, and nothing about any real model.

    python evals/simulated/pupa.py [DIR]    serves them on loopback until Ctrl-C, for the examples in DIR
"""

from __future__ import annotations

import functools
import random
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving import REFLECTION, examples_in, serve
from word_matching import words

from langgraph_gepa.demo.lessons import Lesson, Reading, reflect, tagged
from langgraph_gepa.demo.server import Answer, Persona, Request

TRUSTED, UNTRUSTED, JUDGE = "simulated-trusted", "simulated-untrusted", "simulated-judge"
SAMPLE = Path(__file__).parents[1] / "data" / "pupa"
_HIDE = r"replace|remove|leave out|never|mask|omit|placeholder|withhold|hide"

REWRITING = (
    Lesson(
        name="names",
        patterns=(r"\b(names?|people|persons|compan\w+|firms?)\b", _HIDE),
        phrasings=(
            "Replace the names of people, firms, schools, clinics and places by numbered placeholders.",
            "Never give the name of a person, a company or a town: write a placeholder such as [private 1] for it.",
        ),
        overreach="Leave out names and everything that is specific: one general sentence is best.",
        feedback=r"names and words",
        luck=0.55,
    ),
    Lesson(
        name="numbers",
        patterns=(r"\b(numbers?|dates?|amounts?|addresses)\b", _HIDE),
        phrasings=(
            "Remove dates, amounts, addresses, telephone and account numbers, and put placeholders where they stood.",
            "Mask all numbers that belong to the user, such as dates, sums and e-mail addresses.",
        ),
        feedback=r"dates, numbers and addresses",
        luck=0.45,
    ),
    Lesson(
        name="task",
        patterns=(
            r"keep|preserve|state|include|describe",
            r"\b(task|situation|facts?|purpose|wish(es)?|needs?|needed)\b",
        ),
        phrasings=(
            "Keep the task, the situation and every wish that the user has about the reply.",
            "State all facts that are needed for a good reply, in general words.",
        ),
        feedback=r"lost what was needed",
        luck=0.5,
    ),
)
ANSWERING = (
    Lesson(
        name="restore",
        patterns=(r"placeholders?|\[private", r"replace|restore|fill|put|exchange"),
        phrasings=(
            "Replace every placeholder of the outside reply by the detail it stands for in the private request.",
            "Fill in the user's own details where the outside reply has placeholders.",
        ),
        feedback=r"leaves placeholders",
        luck=0.6,
    ),
    Lesson(
        name="complete",
        patterns=(r"\b(every|all|each|whole|complete\w*|full)\b", r"\b(points?|sentences?|content)\b"),
        phrasings=(
            "Take over every useful point of the outside reply; do not shorten it.",
            "Cover all the points that the user asked for.",
        ),
        feedback=r"leaves out",
        luck=0.55,
    ),
    Lesson(
        name="silent",
        patterns=(r"\b(do not|don't|never|without)\b", r"\b(outside|other) (model|reply)", r"mention|speak|refer|say"),
        phrasings=(
            "Never mention the outside model or that anyone else was asked.",
            "Write to the user directly and do not say that an outside reply exists.",
        ),
        feedback=r"speaks of an outside model",
        luck=0.8,
    ),
)
LESSONS = (*REWRITING, *ANSWERING)
PLACEHOLDER = re.compile(r"\[private \d+\]")
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[^\W\d_])|\n+")
MENTION = "The outside model suggests this:"
ENOUGH = 0.85  # the share of a request that lets the untrusted model write the whole reply


@dataclass(frozen=True, slots=True)
class Key:
    """What there is to understand about one request."""

    request: str
    private: tuple[str, ...]
    reply: str

    def hidden(self, text: str, units: Iterable[str]) -> str:
        """`text` with placeholders for those private units that are in `units`, the longest first."""
        for unit in sorted(units, key=len, reverse=True):
            text = text.replace(unit, f"[private {self.private.index(unit) + 1}]")
        return text

    def restored(self, text: str) -> str:
        for number, unit in enumerate(self.private, 1):
            text = text.replace(f"[private {number}]", unit)
        return text

    def share(self, sent: str) -> float:
        """The share of the request's words, apart from the private ones, that `sent` has too."""
        return _share(self.hidden(self.request, self.private), sent)


def answer_keys(examples: Iterable[Mapping[str, Any]]) -> tuple[Key, ...]:
    """The keys of examples as in `evals/data/pupa`."""
    return tuple(
        Key(row["inputs"]["request"], tuple(row["outputs"]["private"]), row["outputs"]["reply"]) for row in examples
    )


def shipped_keys() -> tuple[Key, ...]:
    """The keys of the requests in `evals/data/pupa`."""
    return answer_keys(examples_in(SAMPLE))


def personas(keys: Sequence[Key]) -> dict[str, Persona]:
    """The simulated models by name, for a `SimulatedServer`."""
    return {
        TRUSTED: functools.partial(trusted, keys),
        UNTRUSTED: functools.partial(untrusted, keys),
        JUDGE: functools.partial(judge, keys),
        REFLECTION: functools.partial(reflect, lessons=LESSONS),
    }


def trusted(keys: Sequence[Key], request: Request, rng: random.Random) -> Answer:
    """Rewrites a private request, or answers it from an outside reply: the tags in its prompt show which."""
    text = f"{request.system}\n{request.user}"
    instructions = re.sub(r"<(\w+)>\n.*?\n</\1>", "", text, flags=re.DOTALL)
    key = _nearest(keys, _field(text, "private_request"))
    if "<outside_reply>" in text:
        return Answer(_answer(key, _field(text, "outside_reply"), Reading(instructions, ANSWERING, rng), rng))
    return Answer(_rewritten(key, Reading(instructions, REWRITING, rng), rng))


def _rewritten(key: Key, reading: Reading, rng: random.Random) -> str:
    hides = {"names": reading.does("names"), "numbers": reading.does("numbers")}
    if reading.overdoes("names"):
        return "What should one write in such a case?"
    sentences = _sentences(key.request)
    if not reading.does("task"):
        sentences = [sentence for sentence in sentences if rng.random() < 0.6] or sentences[:1]
    return key.hidden(" ".join(sentences), [unit for unit in key.private if hides[_kind(unit)]])


def _kind(unit: str) -> str:
    return "numbers" if "@" in unit or any(c.isdigit() for c in unit) else "names"


def untrusted(keys: Sequence[Key], request: Request, rng: random.Random) -> Answer:  # noqa: ARG001 - a persona's
    """Writes as much of the good reply as what it was sent allows, with placeholders for what it does not know."""
    sent = request.user
    key = _nearest(keys, sent)
    known, sentences = key.share(sent), _sentences(key.reply)
    written = sentences if known > ENOUGH else sentences[: round(len(sentences) * known)]
    unknown = [unit for unit in key.private if unit not in sent]
    return Answer(key.hidden("\n".join(written), unknown) or "Could you tell me more?")


def _answer(key: Key, received: str, reading: Reading, rng: random.Random) -> str:
    sentences = _sentences(received)
    if not reading.does("complete"):
        sentences = [sentence for sentence in sentences if rng.random() < 0.7]
    text = "\n".join(sentences)
    text = key.restored(text) if reading.does("restore") else text
    return text if reading.does("silent") else f"{MENTION}\n{text}"


def judge(keys: Sequence[Key], request: Request, rng: random.Random) -> Answer:
    """Compares two replies, or names what a rewritten request lost. It forgives a single fault one time in five."""
    if "<rewritten_request>" in request.user:
        key = _nearest(keys, _field(request.user, "private_request"))
        kept = key.share(_field(request.user, "rewritten_request")) > ENOUGH
        return Answer("nothing" if kept else "It no longer says all that the user wishes and what the situation is.")
    key = _nearest(keys, _field(request.user, "request"))
    first, second = (_faults(key, _field(request.user, tag)) for tag in ("reply_a", "reply_b"))
    good = len(first) <= len(second) or (len(first) == 1 and rng.random() < 0.2)
    reason = f"Reply A {'; it '.join(first)}." if first else "Reply A lacks nothing."
    return Answer(f"{reason}\nVerdict: {'yes' if good else 'no'}")


def _faults(key: Key, reply: str) -> list[str]:
    missing = [sentence for sentence in _sentences(key.reply) if _share(sentence, reply) < 0.5]
    faults = [f"leaves out: {' '.join(missing)!r}"] if missing else []
    if found := sorted(set(PLACEHOLDER.findall(reply))):
        faults.append(f"leaves placeholders where the user's details belong ({', '.join(found)})")
    if MENTION in reply:
        faults.append("speaks of an outside model, of which the user knows nothing")
    return faults


def _field(text: str, tag: str) -> str:
    return "\n".join(tagged(text, tag)[:1])


def _sentences(text: str) -> list[str]:
    return [sentence.strip() for sentence in SENTENCE.split(text) if sentence.strip()]


@functools.lru_cache(maxsize=4096)  # those of all requests are compared with each text
def _words(text: str) -> frozenset[str]:
    return frozenset(words(PLACEHOLDER.sub("", text)))


def _share(text: str, other: str) -> float:
    own = _words(text)
    return len(own & _words(other)) / len(own) if own else 1.0


def _nearest(keys: Sequence[Key], text: str) -> Key:
    """The key whose request shares the most words with `text`, for the size of both."""
    return max(keys, key=lambda key: len(_words(key.request) & _words(text)) / len(_words(key.request) | _words(text)))


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE
    keys = answer_keys(examples_in(folder))
    serve(personas(keys), {"PUPA_MODEL": TRUSTED, "PUPA_UNTRUSTED_MODEL": UNTRUSTED, "PUPA_JUDGE": JUDGE})
