"""The simulated reader of `simulated/hotpotqa.py`: summarises, searches and answers as its prompt asks it to.

It picks sentences by the words they share with the question and names by their capitals, and has
no idea what they mean; understanding is a `Key` that opens when the facts have reached its prompt.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum

from word_matching import NAME, SENTENCE, STOPWORDS, key_words, names, stems, titles, words

from langgraph_gepa.demo.lessons import Lesson, Reading
from langgraph_gepa.demo.server import Answer, Request

SUMMARIZING = (
    Lesson(
        name="facts",
        patterns=(r"\b(every|all|each|any)\b", r"\b(fact|sentence|detail|passage)s?\b", r"question|relevant|bear|need"),
        phrasings=(
            "Keep every fact that bears on the question, also from passages that seem to be about something else.",
            "Go through all passages and keep each relevant fact.",
            "Do not be brief: include all facts needed for any step towards answering the question.",
        ),
        overreach="Copy all the passages in full, with every sentence, whether it is relevant or not.",
        feedback=r"left out a fact needed",
    ),
    Lesson(
        name="names",
        patterns=(r"\b(names?|titles?|entit\w+)\b", r"keep|write|include|spell|mention|state|preserve|give"),
        phrasings=(
            "Write out the names of people, places and works; never say 'he', 'she' or 'the film' for them.",
            "Keep the full name of every entity, and the title of the passage it comes from.",
            "Always include proper names and titles exactly as the passages spell them.",
        ),
        feedback=r"names left out",
        luck=0.75,
    ),
    Lesson(
        name="numbers",
        patterns=(r"\b(dates?|years?|numbers?|figures?)\b", r"keep|write|include|copy|mention|state|preserve|give"),
        phrasings=(
            "Keep dates, years and numbers exactly as they stand in the passages.",
            "Include every date and figure that goes with a fact.",
        ),
        feedback=r"dates and numbers left out",
        luck=0.75,
    ),
)
SEARCHING = (
    Lesson(
        name="bridge",
        patterns=(r"\b(names?|entit\w+|person|title)\b", r"summary", r"query|search|look"),
        phrasings=(
            "Search for the entity that the summary names and the question only describes.",
            "Put the name of the missing link, as found in the summary, into the query.",
            "If the summary names a person, work or place that was not itself found yet, make its title the query.",
        ),
        feedback=r"the summary names it, the query does not",
    ),
    Lesson(
        name="uncovered",
        patterns=(
            r"question",
            r"\b(not|no|nothing|missing|without|lacks?)\b",
            r"summary (says|tells|has|lacks|does)|cover",
        ),
        phrasings=(
            "Search for what the question names and the summary does not cover yet.",
            "If something in the question is missing because the summary says nothing of it, ask for that alone.",
        ),
        feedback=r"the summary does not name it",
    ),
    Lesson(
        name="keywords",
        patterns=(r"key ?words|names? (only|alone)|few words|short query|no (full )?sentence|bare terms",),
        phrasings=(
            "Write key words, no full sentence: the search engine matches words.",
            "A short query of a few words finds more than the whole question.",
        ),
        overreach="Use key words: one single word is best.",
        feedback=r"too many other words|does not name it|the query does not",
    ),
)
ANSWERING = (
    Lesson(
        name="short",
        patterns=(
            r"short|brief|concise|only the|nothing (else|but)|no (full )?sentence|few words",
            r"answer|name|phrase|say",
        ),
        phrasings=(
            "Give only the short answer itself: a name, a date or a phrase, in no sentence.",
            "Answer in as few words as possible, with nothing else around the answer.",
        ),
        overreach="Answer with a single short word, never more.",
        feedback=r"only the exact short answer",
        luck=0.45,
    ),
    Lesson(
        name="yes-no",
        patterns=(r"\byes\b.*\bno\b", r"\b(if|when|where|question|whether|one word)\b"),
        phrasings=(
            "If the question asks whether something is so, answer with the one word yes or no.",
            "When the question is a yes/no question, write yes or no and nothing else.",
        ),
        overreach="Answer every question with yes or no when at all possible.",
        feedback=r"one word yes or no",
        luck=0.45,
    ),
    Lesson(
        name="verbatim",
        patterns=(
            r"exact|verbatim|word for word|as (it is |they are )?(written|spelled)",
            r"answer|name|copy|write|form",
        ),
        phrasings=(
            "Copy the answer in exactly the form the summaries give it, complete with titles and units.",
            "Write names and figures of the answer word for word as they are written in the summaries.",
        ),
        feedback=r"in another form",
        luck=0.75,
    ),
)
LESSONS = (*SUMMARIZING, *SEARCHING, *ANSWERING)

BURYING = 7000  # characters of summaries in which even a reader with a key may miss the answer
LABEL = re.compile(r"(Question|Context|Passages|Summary|Summary 1|Summary 2):\s*(.*)")


@dataclass(frozen=True, slots=True)
class Sheet:
    """What lies in front of the reader: the instructions, and the fields that the graph filled in."""

    instructions: str
    fields: Mapping[str, str]
    passages: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, text: str) -> Sheet:
        """Takes a prompt apart by its labels. A line `title | text` is a passage; all else are instructions."""
        instructions, fields, passages = [], {}, []
        for line in text.splitlines():
            if label := LABEL.fullmatch(line):
                fields[label[1]] = label[2]
            elif " | " in line:
                title, _, body = line.partition(" | ")
                passages.append((title, body))
            else:
                instructions.append(line)
        return cls("\n".join(instructions), fields, tuple(passages))


@dataclass(frozen=True, slots=True)
class Key:
    """All there is to understand about one question: its answer and the facts that lead to it."""

    answer: str
    facts: tuple[str, ...]

    def share(self, text: str) -> float:
        """The share of the facts that `text` holds: two thirds of a fact's telling words count as the fact."""
        seen = set(words(text))
        kept = [2 * len(telling) <= 3 * len(telling & seen) for telling in map(key_words, self.facts)]
        return sum(kept) / max(1, len(kept))


def read(key: Mapping[str, Key], request: Request, rng: random.Random) -> Answer:
    """The reader's reply to a request. The labels of the fields in its prompt show what its task is."""
    sheet = Sheet.of(f"{request.system}\n{request.user}")
    if "Passages" in sheet.fields:
        return Answer(_summary(sheet, Reading(sheet.instructions, SUMMARIZING, rng)))
    if "Summary" in sheet.fields:
        return Answer(_query(sheet, Reading(sheet.instructions, SEARCHING, rng)))
    return Answer(_answer(sheet, Reading(sheet.instructions, ANSWERING, rng), key, rng))


def _summary(sheet: Sheet, reading: Reading) -> str:
    keeps_facts, keeps_names, keeps_numbers = (reading.does(lesson) for lesson in ("facts", "names", "numbers"))
    ranked = _ranked(sheet)
    count = len(ranked) if reading.overdoes("facts") else 10 if keeps_facts else 6
    order = {title: n for n, (title, _) in enumerate(sheet.passages)}
    lines = []
    for title, sentence in sorted(ranked[:count], key=lambda found: order[found[0]]):
        text = sentence if keeps_numbers else re.sub(r"\S*\d\S*", "some", sentence)
        lines.append(f"{title}: {text}" if keeps_names else _without_names(text, sheet.fields.get("Question", "")))
    return " ".join(lines) or "The passages say nothing of it."


def _ranked(sheet: Sheet) -> list[tuple[str, str]]:
    """All sentences that the context does not have yet, with their passages' titles, nearest to the question first."""
    spread = Counter(word for title, body in sheet.passages for word in stems(f"{title} {body}"))
    question, context = stems(sheet.fields.get("Question", "")), stems(sheet.fields.get("Context", ""))
    sentences = [(title, s) for title, body in sheet.passages for s in SENTENCE.split(body) if stems(s) - context]

    def nearness(found: tuple[str, str]) -> float:
        title, sentence = found
        here, over = stems(sentence), stems(title)
        return fsum(  # exact, so that the order of a set cannot show
            (1.0 if word in question else 0.3) * (1.0 if word in here else 0.6) / spread[word]
            for word in (here | over) & (question | context)
        )

    return sorted(sentences, key=nearness, reverse=True)


def _without_names(sentence: str, question: str) -> str:
    """The sentence with the names that the question does not give away made vague."""
    given = set(words(question))
    head, _, rest = sentence.partition(" ")
    vague = NAME.sub(lambda name: name[0] if set(words(name[0])) <= given else "someone", rest)
    return f"{head if set(words(head)) <= given else 'It'} {vague}"


def _query(sheet: Sheet, reading: Reading) -> str:
    question, summary = sheet.fields.get("Question", ""), sheet.fields["Summary"]
    bridge, uncovered, keywords = (reading.does(lesson) for lesson in ("bridge", "uncovered", "keywords"))
    wanted = _new_names(question, summary) if bridge else []
    if uncovered and not wanted:
        wanted = [name for name in names(question) if not stems(name) <= stems(summary)]
    if reading.overdoes("keywords"):
        return " ".join([*wanted, *words(question)][:1])
    if not keywords:
        return " ".join([question, *wanted])
    rare = [word for word in words(question) if word not in STOPWORDS]
    return " ".join([*wanted, *(rare if not wanted else rare[-3:])])


def _new_names(question: str, summary: str) -> list[str]:
    """The two names of the summary most likely to lead on: neither in the question nor the title of a passage found."""
    known, given = titles(summary), stems(question)
    near = sorted(SENTENCE.split(summary), key=lambda s: len(stems(s) & given), reverse=True)
    fresh = [name for sentence in near for name in names(sentence) if name not in known and not stems(name) <= given]
    return list(dict.fromkeys(fresh))[:2]


def _answer(sheet: Sheet, reading: Reading, key: Mapping[str, Key], rng: random.Random) -> str:
    question = sheet.fields.get("Question", "")
    summaries = f"{sheet.fields.get('Summary 1', '')} {sheet.fields.get('Summary 2', '')}"
    short, yes_no, verbatim = reading.does("short"), reading.does("yes-no"), reading.does("verbatim")
    answer = _understood(key.get(question), summaries, rng) or _guess(question, summaries, rng)
    if answer in ("yes", "no"):
        return (
            answer if yes_no else f"Going by the summaries, {'it seems so' if answer == 'yes' else 'that is not so'}."
        )
    if reading.overdoes("yes-no"):
        return "yes"
    if reading.overdoes("short"):
        return answer.split()[0]
    if not verbatim and " " in answer:
        answer = " ".join(answer.split()[:-1]) if rng.random() < 0.5 else " ".join(answer.split()[1:])
    return answer if short else f"Based on the summaries, the answer to the question is {answer}."


def _understood(key: Key | None, summaries: str, rng: random.Random) -> str | None:
    """The key's answer, if the summaries hold what it takes to find it; long summaries bury it."""
    if key is None:
        return None
    closed = key.answer in ("yes", "no")
    if not closed and not set(words(key.answer)) <= set(words(summaries)):
        return None
    share = key.share(summaries)
    chance = 0.95 if share == 1 else 0.0 if closed else 0.8 * share
    buried = 0.6 if len(summaries) > BURYING else 1.0
    return key.answer if rng.random() < chance * buried else None


def _guess(question: str, summaries: str, rng: random.Random) -> str:
    if re.match(r"(are|is|was|were|do|does|did|has|have|can)\b", question, re.IGNORECASE):
        return rng.choice(("yes", "no"))
    return next(iter(_new_names(question, summaries)), "not known")
