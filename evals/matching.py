"""How the benchmarks compare texts and quote them in feedback."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable


def normalized(answer: str) -> str:
    """The normal form of SQuAD's and HotpotQA's evaluation: lower case, no punctuation, no articles, single blanks."""
    bare = "".join(c for c in answer.lower() if c not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())


def exact_match(given: str, gold: str) -> bool:
    return normalized(given) == normalized(gold)


def named(title: str, text: str) -> bool:
    """Whether `text` names the article `title`, whatever stands in its brackets."""
    name = normalized(re.sub(r"\s*\(.*?\)$", "", title))
    return f" {name} " in f" {normalized(text)} "


def quoted(titles: Iterable[str]) -> str:
    return ", ".join(f"{title!r}" for title in titles)


def shortened(text: str, width: int = 300) -> str:
    return text if len(text) <= width else f"{text[:width]}…"
