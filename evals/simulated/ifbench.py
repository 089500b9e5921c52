"""Simulated models for `graphs/ifbench.py`: a writer that answers and corrects, and a reflection model.

No model is behind them. The simulated writer cannot understand a query, so in place of understanding it holds an
answer key: the queries with their constraints. What it writes is always about nothing; which constraints it meets, and
what it puts around its reply, depends on what its prompt asks for. The official verifiers then check real text. Its
scores therefore say something about prompts and bookkeeping, and nothing about any real model.

    python evals/simulated/ifbench.py [DIR]     serves them on loopback until Ctrl-C, for the examples in DIR
"""

from __future__ import annotations

import functools
import itertools
import random
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compliance import written
from serving import REFLECTION, examples_in, serve

from langgraph_gepa.demo.lessons import Habits, Lesson, Reading, reflect
from langgraph_gepa.demo.server import Answer, Persona, Request

WRITER = "simulated-writer"
SAMPLE = Path(__file__).parents[1] / "data" / "ifbench"
HABITS = Habits(at_most=3)

Constraints = Sequence[Mapping[str, Any]]

FAMILIES = (
    Lesson(
        name="counts",
        patterns=(r"\b(count|number|how (many|often)|length)", r"word|sentence|paragraph|time|often|item|constraint"),
        phrasings=(
            "Where a number of words, sentences or paragraphs is given, count them and match the number.",
            "Count how often each word or item has to appear, and write it that many times.",
        ),
        overreach="Count everything: put the number of words after each sentence.",
        feedback=r"Missed[^\n]*: [^\n]*(at least|exactly|less than|between|same number|more words|\d\.?\d*%)",
        luck=0.4,
    ),
    Lesson(
        name="words",
        patterns=(r"\b(key ?words?|words?|letters?)\b", r"\b(include|use|avoid|forbid\w*|required|position)\b"),
        phrasings=(
            "Use the required keywords where they are asked for, and avoid every forbidden word.",
            "Include each word the query requires, in the position it names, and avoid the words it forbids.",
        ),
        feedback=r"Missed[^\n]*: [^\n]*(keyword|\bwords?\b|letter)",
        luck=0.4,
    ),
    Lesson(
        name="format",
        patterns=(r"\b(format|layout|structure|markdown|headings?|titles?)\b", r"exact|query|ask|follow|given|require"),
        phrasings=(
            "Follow the format the query asks for exactly: titles, sections, bullet points, markers.",
            "Lay the reply out in exactly the structure that is required, with its titles and markers.",
        ),
        overreach="Always follow a rich format, with a heading over every reply.",
        feedback=r"Missed[^\n]*: [^\n]*(format|bullet|section|title|highlight|bracket|line|quotes|emoji|list)",
        luck=0.4,
    ),
    Lesson(
        name="case",
        patterns=(r"\b(case|capital\w*|lower ?case|punctuation|commas?|languages?)\b",),
        phrasings=(
            "Obey what is said of upper and lower case, punctuation and language throughout the whole reply.",
            "Write the entire reply in the letter case and the language asked for, and leave out commas if told to.",
        ),
        feedback=r"Missed[^\n]*: [^\n]*(capital|lowercase|comma|punctuation|language|title case)",
        luck=0.4,
    ),
    Lesson(
        name="frame",
        patterns=(r"\b(begin\w*|start\w*|first|opening)\b", r"\b(end\w*|finish\w*|last|closing)\b"),
        phrasings=(
            "Begin and end exactly as the query says, with the phrases it names.",
            "Check how the reply has to start and how it has to finish: repeated requests, end phrases, quotes.",
        ),
        feedback=r"Missed[^\n]*: [^\n]*(repeat|finish|first|wrap|postscript|two different|start|options|template)",
        luck=0.4,
    ),
)
CORRECTING = (
    Lesson(
        name="check",
        patterns=(
            r"\b(each|every|all|one by one)\b",
            r"\b(constraints?|requirements?|instructions?)\b",
            r"\b(check|verify|go through|list)\b",
        ),
        phrasings=(
            "Go through the constraints of the query one by one, and repair each one that the response misses.",
            "Check every constraint against the response before you write the final one.",
        ),
        overreach="Check every constraint, and write a table of all constraints above the response.",
        feedback=r"Missed, as in the draft",
        luck=0.15,
    ),
    Lesson(
        name="bare",
        patterns=(
            r"\b(only|nothing (but|else)|alone|no (remarks?|comments?|preamble|explanations?))\b",
            r"\b(response|reply|text|output)\b",
        ),
        phrasings=(
            "Output only the final response, with no remarks before or after it.",
            "Write the corrected response alone: no preamble, no comments on what was changed.",
        ),
        feedback=r"though the draft met it",
        luck=0.5,
    ),
)
LESSONS = (*FAMILIES, *CORRECTING)

FAMILY_OF = {
    "length_constraints": "counts",
    "count": "counts",
    "ratio": "counts",
    "keywords": "words",
    "words": "words",
    "sentence": "words",
    "detectable_format": "format",
    "detectable_content": "format",
    "format": "format",
    "change_case": "case",
    "punctuation": "case",
    "language": "case",
    "startend": "frame",
    "combination": "frame",
    "repeat": "frame",
    "custom": "frame",
}
REMARKS = (
    "I went over the response once more.\nHere is the corrected version:\n\n",
    "\n\nI hope this is what you wanted.\nLet me know if anything, large or small, should be changed.",
)


def answer_key(examples: Iterable[Mapping[str, Any]]) -> dict[str, Constraints]:
    """Query -> constraints, of examples as in `evals/data/ifbench`."""
    return {example["inputs"]["query"]: example["outputs"]["constraints"] for example in examples}


@dataclass(frozen=True, slots=True)
class Sheet:
    """What lies in front of the writer: its instructions, the constraints of the query, and which of them a draft of
    its own meets on purpose (`None` where there is no draft)."""

    instructions: str
    constraints: Constraints
    drafted: Constraints | None

    @classmethod
    def of(cls, text: str, key: Mapping[str, Constraints]) -> Sheet:
        """Takes a prompt apart: finds the query in it that the key knows, and the draft that the writer may have
        written for it; all else are instructions."""
        query = max((query for query in key if query in text), key=len, default="")
        constraints = key.get(query, ())
        rest = text.replace(query, "", 1)
        choices = [choice for n in range(len(constraints) + 1) for choice in itertools.combinations(constraints, n)]
        drafts = {written(choice): choice for choice in choices}
        draft = max((draft for draft in drafts if draft in rest), key=len, default=None)
        if draft is None:
            return cls(rest, constraints, () if "\nResponse:" in rest else None)
        return cls(rest.replace(draft, "", 1), constraints, drafts[draft])


def write(key: Mapping[str, Constraints], request: Request, rng: random.Random) -> Answer:
    """The writer's reply: a draft for a query alone, a correction where a draft comes with it."""
    sheet = Sheet.of(f"{request.system}\n{request.user}", key)
    families = Reading(sheet.instructions, FAMILIES, rng)
    able = [x for x in sheet.constraints if families.does(FAMILY_OF[x["id"].partition(":")[0]])]
    if sheet.drafted is None:
        return Answer(_overdone(written(able), families))
    correcting = Reading(sheet.instructions, CORRECTING, rng)
    repaired = able if correcting.does("check") else []
    text = _overdone(written([x for x in sheet.constraints if x in sheet.drafted or x in repaired]), families)
    if correcting.overdoes("check"):
        text = "\n".join(f"| {x['id']} | yes |" for x in sheet.constraints) + f"\n| all | yes |\n\n{text}"
    return Answer(text if correcting.does("bare") else text.join(REMARKS))


def _overdone(text: str, families: Reading) -> str:
    if families.overdoes("counts"):
        text = text.replace(". ", ". (9 words) ")
    return f"# Reply\n\n# Answer\n\n{text}" if families.overdoes("format") else text


def personas(key: Mapping[str, Constraints]) -> dict[str, Persona]:
    """The simulated models by name, for a `SimulatedServer`."""
    return {
        WRITER: functools.partial(write, key),
        REFLECTION: functools.partial(reflect, lessons=LESSONS, habits=HABITS),
    }


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE
    serve(personas(answer_key(examples_in(folder))), {"IFBENCH_MODEL": WRITER})
