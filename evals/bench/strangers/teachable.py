"""Models that learn a word: a simulated one that says what its request asks for, a metric that listens, a reflection.

A prompt asks for it as "Say the word amber backwards.", so that no prompt or data that a graph passes on reads like an
answer.
"""

from __future__ import annotations

import json
import re
from typing import Any

from langgraph_gepa import Feedback
from langgraph_gepa.core.excerpt import unescape
from langgraph_gepa.core.json_data import plain
from langgraph_gepa.demo.lessons import PLACEHOLDER, tagged
from langgraph_gepa.reflection.fences import fenced
from strangers.labels import plain as on_one_line
from strangers.loopback import Json, Loopback, strings

WORDS = ("amber", "cedar", "slate", "umber")
_SENTENCE = r"simulated [^\"\\]*|[^\"\\]* [^\"\\]*\."


class Obedient(Loopback):
    """Ends each sentence of an answer with the words that the request asks for, or with all of them if `unasked`.

    `answered` counts the calls of language models, `sent` holds what they said.
    """

    def __init__(self) -> None:
        super().__init__()
        self.unasked = False
        self.forget()

    def forget(self) -> None:
        self.answered = 0
        self.sent: set[str] = set()

    def has_sent(self, words: str) -> bool:
        return any(words in said for said in self.sent)

    def _message(self, body: Json) -> Json:
        self.answered += 1
        asked = on_one_line(" ".join(strings([body.get(part) for part in ("messages", "tools", "response_format")])))
        self.sent.add(asked)
        words = [word for word in WORDS if self.unasked or _request(word) in asked]
        message = super()._message(body)
        return dict(_ended(message, "".join(f" {word[::-1]}" for word in words))) if words else message


def _request(word: str) -> str:
    return f"Say the word {word} backwards."


def _ended(value: Any, ending: str) -> Any:
    """The message with `ending` after every sentence, those in JSON texts too."""
    if isinstance(value, dict):
        return {name: held if name in ("id", "name", "role") else _ended(held, ending) for name, held in value.items()}
    if isinstance(value, list):
        return [_ended(held, ending) for held in value]
    if not isinstance(value, str):
        return value
    if value.startswith(("{", "[")):
        return re.sub(f'"({_SENTENCE})"', lambda found: f'"{found[1]}{ending}"', value)
    return f"{value}{ending}" if value.endswith(".") else value


def metric(outputs: Any) -> Feedback:
    """The share of the words in the final state; the feedback names the first one missing."""
    said = json.dumps(plain(outputs))
    missing = [word for word in WORDS if word[::-1] not in said]
    comment = f"The answer lacks the word {missing[0]}, written backwards." if missing else "Nothing is missing."
    return Feedback(1 - len(missing) / len(WORDS), comment)


class Reflector:
    """A reflection model that writes the missing word into the text, and loses a placeholder in every third reply."""

    __name__ = "simulated"

    def __init__(self) -> None:
        self.replies = 0

    def __call__(self, prompt: str) -> str:
        self.replies += 1
        text = unescape(re.search(r"<current_text>\n(.*?)\n</current_text>", prompt, re.DOTALL)[1])  # type: ignore[index]
        lacking = re.findall(r"lacks the word (\w+)", " ".join(tagged(prompt, "feedback")))
        wanted = next((_request(word) for word in lacking if _request(word) not in text), None)
        if wanted is None:
            return "NO CHANGE"
        if self.replies % 3 == 0 and "<broken>" not in prompt:
            text = PLACEHOLDER.sub("", text, count=1)
        return fenced(f"{text}\n\n{wanted}")
