"""Answers learned by heart: what new texts share, word for word, with the reference outputs of one example.

A prompt that repeats an answer does well on the example it was copied from and nowhere else. How long a shared
piece must be to be no coincidence is known from the search for test sets in training data: 8 to 13 words
(Radford et al. 2019, Brown et al. 2020) or 50 characters (OpenAI 2023). Prompts are few and short: the low end will do.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from langgraph_gepa.core.example import Example, digest
from langgraph_gepa.core.module import Texts

WORDS = 8
CHARACTERS, FEWEST = 40, 3
"""As much as eight words of English; long words get there with fewer. Of two words so long one counts alone, if
it is no name: so two are never needed, and two joined names never enough."""

LETTERS = 20
NUMBER, DIGITS = 12, 4
"""English has next to no word of twenty letters; four digits among twelve characters tell one case from all others."""

Learned = Literal["feedback", "pareto"]
Openings = Container[tuple[str, ...]]

_UNSPACED = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"  # kana and ideographs
_TOKEN = re.compile(rf"([{_UNSPACED}])|[^\W{_UNSPACED}]+(?:[-./@'’]+[^\W{_UNSPACED}]+)*")
_NAME = re.compile(r"[-_./@'’]|[a-z][A-Z]")
_DATE = re.compile(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}(T\d+)?")


@dataclass(frozen=True, slots=True)
class Copy:
    """`quote`, out of the new text of `module`, stands in the reference outputs of `example`.

    `subset` is the example's set, `pareto` where it is in both: a copy from there is worse, since it has
    raised the score that candidates are chosen by.
    """

    module: str
    quote: str
    example: str
    subset: Learned


class _Word(NamedTuple):
    """A word as it is compared, how much of one it is, and where it stands."""

    key: str
    weight: float
    start: int
    end: int


def copies(
    texts: Texts, before: Iterable[str], feedback: Sequence[Example], pareto: Sequence[Example]
) -> tuple[Copy, ...]:
    """What `texts` repeat of single examples' reference outputs, by module and place.

    - A piece counts from `WORDS` words on, or from `CHARACTERS` characters in `FEWEST` words or more. Case does not
      matter, nor do spaces and punctuation between words. An ideograph or kana is half a word.
    - A word alone counts when it is long and names no kind of thing: `LETTERS` characters in one, or `NUMBER`
      characters with `DIGITS` digits (order numbers and hashes, but no date). So yes and no, short labels, and
      the names of tools, be they joined by underscores or in CamelCase, never count.
    - What stands in a text of `before` is no copy. Neither is what two different examples have in common:
      labels, signatures and policies are for a prompt to know.

    Short answers, and answers that two examples share, are therefore passed over. Takes time in proportion
    to all that is read, and memory in proportion to `texts`.
    """
    words = {module: _words(text) for module, text in texts.items()}
    places: dict[str, list[tuple[str, int, int]]] = {}
    for module, found in words.items():
        for key, first, last in _pieces(found):
            places.setdefault(key, []).append((module, first, last))
    for text in before:
        for key, _, _ in _pieces(_words(text)):
            places.pop(key, None)
    owners: dict[str, dict[str, tuple[str, Learned]]] = {key: {} for key in places}
    openings = {tuple(key.split(" ", 2)[:2]) for key in places}
    for example in feedback:
        _claim(example, "feedback", owners, openings)
    for example in pareto:
        _claim(example, "pareto", owners, openings)
    marks: dict[tuple[str, str, Learned], list[tuple[int, int]]] = {}
    for key, claims in owners.items():
        for claim in claims.values() if len(claims) == 1 else ():
            for module, first, last in places[key]:
                marks.setdefault((module, *claim), []).append((words[module][first].start, words[module][last].end))
    order = {module: place for place, module in enumerate(texts)}
    found_in_order = sorted(
        (order[module], start, end, module, example, subset)
        for (module, example, subset), spans in marks.items()
        for start, end in _joined(spans)
    )
    return tuple(Copy(module, texts[module][a:b], id, subset) for _, a, b, module, id, subset in found_in_order)


def _claim(
    example: Example, subset: Learned, owners: Mapping[str, dict[str, tuple[str, Learned]]], openings: Openings
) -> None:
    """Records the pieces that the example's reference outputs contain. Examples of equal contents count as one."""
    shared = set()
    for text in _leaves(example.outputs):
        words = _words(text)
        for key, first, last in _pieces(words, openings):
            if key in owners and (first < last or _identifies(text[words[first].start : words[first].end])):
                shared.add(key)
    if shared:
        content = digest([example.inputs, example.outputs])
        for key in shared:
            owners[key][content] = (example.id, subset)


def _words(text: str) -> list[_Word]:
    return [
        _Word(unicodedata.normalize("NFKC", match[0]).casefold(), 0.5 if match[1] else 1.0, *match.span())
        for match in _TOKEN.finditer(text)
    ]


def _pieces(words: Sequence[_Word], openings: Openings | None = None) -> Iterator[tuple[str, int, int]]:
    """Every word alone, and from each word on the shortest piece that counts; with the places of first and last word.

    Where a piece ends is decided by its words alone, so texts that share one that counts share one of these.
    With `openings` only pieces that open with two such words: most do not, and need not be made.
    """
    for first, word in enumerate(words):
        yield word.key, first, first
        if openings is not None and (word.key, words[first + 1].key if first + 1 < len(words) else "") not in openings:
            continue
        weight, characters = 0.0, -1
        for last in range(first, len(words)):
            weight += words[last].weight
            characters += 1 + len(words[last].key)
            if weight >= WORDS or (characters >= CHARACTERS and last - first + 1 >= FEWEST):
                yield " ".join(one.key for one in words[first : last + 1]), first, last
                break


def _identifies(word: str) -> bool:
    """Whether a word, as the example spells it, is a copy on its own."""
    if len(word) >= LETTERS and not _NAME.search(word):
        return True
    digits = sum(character.isdigit() for character in word)
    return len(word) >= NUMBER and digits >= DIGITS and not _DATE.fullmatch(word)


def _leaves(value: Any) -> Iterator[str]:
    """The texts and numbers in a JSON value; the keys of mappings are the form of an answer."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _leaves(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _leaves(part)
    elif isinstance(value, int | float):
        yield str(value)


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans that overlap as one, in order."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
