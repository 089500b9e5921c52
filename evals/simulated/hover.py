"""Simulated models for `graphs/hover.py`: one that summarises and searches, and a reflection model.

No model is behind them. Summaries are those of the reader in `reader.py`, to which
the claim is the question: it truly reads the passages and picks sentences by the words they share
with the claim. Queries are made of the names that stand in the summaries and the claim. How much of
this is done depends on what the prompts ask for. There is no answer key, since nothing but retrieval
is scored. The scores say something about prompts, retrieval and bookkeeping, and nothing about any
real model.

    python evals/simulated/hover.py      serves them on loopback until Ctrl-C
"""

from __future__ import annotations

import functools
import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from reader import SUMMARIZING, read
from serving import REFLECTION, serve
from word_matching import SENTENCE, STOPWORDS, key_words, names, titles, words

from langgraph_gepa.demo.lessons import Lesson, Reading, reflect
from langgraph_gepa.demo.server import Answer, Persona, Request

CHECKER = "simulated-checker"

SUMMARY_FEEDBACK = {"facts": r"left out the facts", "names": r"left out the name"}
"""Words of the metric in `evals/hover.py` where a summary lacks the lesson."""

SEARCHING = (
    Lesson(
        name="bridge",
        patterns=(r"\b(names?|entit\w+|person|title)\b", r"summar", r"query|search|look"),
        phrasings=(
            "Search for the names that a summary gives and the claim only describes.",
            "Put the names of the missing links, as found in the summaries, into the query.",
            "If a summary names a person, work or place that was not itself found yet, make its title the query.",
        ),
        feedback=r"the summary names it, the query does not",
    ),
    Lesson(
        name="several",
        patterns=(r"several|as many|more than one|all (the )?candidates|every candidate", r"name|title|candidate"),
        phrasings=(
            "Where it is not clear which page is missing, list several names in the one query.",
            "A query may hold more than one name: add every candidate that could be the missing page.",
        ),
        overreach="Put as many names as possible, all that you can find anywhere, into the query.",
        feedback=r"the summary names it, the query does not",
    ),
    Lesson(
        name="uncovered",
        patterns=(r"claim", r"\b(not|no|nothing|missing|without|lacks?)\b", r"cover|found|summar"),
        phrasings=(
            "Search for what the claim names and no summary covers yet.",
            "If something in the claim is missing because the summaries say nothing of it, ask for that by name.",
        ),
        feedback=r"the summary does not name it|too many other words",
    ),
    Lesson(
        name="keywords",
        patterns=(r"key ?words|names? (only|alone)|few words|no (full )?sentence|bare terms|not repeat",),
        phrasings=(
            "Write key words, no full sentence: the search engine matches words.",
            "Do not repeat the claim: names alone find more than the whole of it.",
        ),
        overreach="Use key words: one single word is best.",
        feedback=r"too many other words|does not name it|the query does not",
    ),
)
LESSONS = (
    *(replace(lesson, feedback=SUMMARY_FEEDBACK[lesson.name]) for lesson in SUMMARIZING[:2]),
    *SEARCHING,
)


def personas() -> Mapping[str, Persona]:
    """The simulated models by name, for a `SimulatedServer`."""
    return {CHECKER: checker, REFLECTION: functools.partial(reflect, lessons=LESSONS)}


def checker(request: Request, rng: random.Random) -> Answer:
    """A query where summaries are given, otherwise a summary of the passages."""
    text = f"{request.system}\n{request.user}"
    fields = dict(re.findall(r"^(Claim|Summary(?: \d)?):[ \t]*(.*)$", text, re.MULTILINE))
    summaries = [value for label, value in fields.items() if label != "Claim"]
    if not summaries:
        question = re.sub(r"^Claim:", "Question:", text, flags=re.MULTILINE)
        return read({}, replace(request, messages=({"role": "user", "content": question},)), rng)
    instructions = re.sub(r"^(Claim|Summary(?: \d)?):.*$", "", text, flags=re.MULTILINE)
    return Answer(_query(fields.get("Claim", ""), summaries, Reading(instructions, SEARCHING, rng)))


def _query(claim: str, summaries: Sequence[str], reading: Reading) -> str:
    bridge, several, uncovered, keywords = (
        reading.does(name) for name in ("bridge", "several", "uncovered", "keywords")
    )
    width = 30 if reading.overdoes("several") else 5 if several else 2
    summary = " ".join(summaries)
    wanted = [name for name in names(claim) if name not in titles(summary)][:width] if uncovered else []
    if bridge:
        earlier = _links(claim, summaries[0])[:width] if len(summaries) > 1 else []
        wanted += [name for name in _links(claim, summary) if name not in earlier][: width - len(wanted)]
    if reading.overdoes("keywords"):
        return " ".join([*wanted, claim]).split()[0]
    if not keywords:
        return " ".join([claim, SENTENCE.split(summary)[0], *wanted])  # asks again for what is known already
    return " ".join(wanted or [word for word in words(claim) if word not in STOPWORDS])


def _links(claim: str, summary: str) -> list[str]:
    """The names that lead on from the claim: in neither its words nor the titles found, nearest to the claim first."""
    claimed, known = key_words(claim), titles(summary)
    sentences = SENTENCE.split(summary)
    spread = Counter(word for sentence in sentences for word in key_words(sentence))
    near = sorted(sentences, key=lambda s: -sum(1 / spread[word] for word in sorted(key_words(s) & claimed)))
    found = (name for sentence in near for name in names(sentence))
    return [name for name in dict.fromkeys(found) if name not in known and not key_words(name) <= claimed]


if __name__ == "__main__":
    serve(personas(), {"HOVER_MODEL": CHECKER})
