"""Finds words, names and titles in English text, by their letters alone."""

from __future__ import annotations

import re

STOPWORDS = frozenset(
    re.findall(
        r"\w+",
        "a about after also an and are as at be been before being both but by did do does for from had has have he her "
        "his how i in into is it its many more most much of on or other she so some that the their them they this to "
        "was were what when where which who whom whose will with",
    )
)
NAME = re.compile(r"[A-Z][\w'’.-]*(?:(?: of| the| and| de| in| for){0,2} [A-Z][\w'’.-]*)*")
OPENING = re.compile(r"^([^.:]+: )?(?=[A-Z])[\w'’]+ (?![A-Z])")
NO_NAME = re.compile(r"[A-Z]\w*(an|ish|ese|ber|uary)|March|April|May|June|July|August|Someone|.")
SENTENCE = re.compile(r"(?<=[.!?\"])\s+(?=[A-Z\"])")
"""Where one sentence ends and the next begins."""


def words(text: str) -> list[str]:
    """All words of `text` in lower case."""
    return re.findall(r"\w+", text.lower())


def key_words(text: str) -> set[str]:
    """The words of `text` that carry meaning by themselves."""
    return {word for word in words(text) if word not in STOPWORDS}


def stems(text: str) -> set[str]:
    """The stems of the key words of `text`."""
    return {re.sub(r"(ies|es|s|ed|ing)$", "", word) if len(word) > 4 else word for word in words(text)} - STOPWORDS


def names(text: str) -> list[str]:
    """The names in `text`, each once: runs of capitalised words, except those that only open a sentence."""
    found = [name for sentence in SENTENCE.split(text) for name in NAME.findall(OPENING.sub("", sentence))]
    return [name for name in dict.fromkeys(name.rstrip(".") for name in found) if not NO_NAME.fullmatch(name)]


def titles(summary: str) -> set[str]:
    """The titles of passages that a summary gives, as in `Title: what it says.`"""
    return {title.strip() for title in re.findall(r"(?:^|[.!?\"] )([^.:]+):", summary)}
