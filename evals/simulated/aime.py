"""Simulated models for `graphs/aime.py`: a solver and a reflection model.

No model is behind them. The solver cannot do mathematics: it holds the answers of the shipped
problems, and for each the answer that the usual mistake leads to. Which of them it gives depends on
whether its prompt warns of that kind of mistake; and unless the prompt asks for the bare number, it
mostly wraps it in words. Its scores say something about prompts and bookkeeping, and nothing about
any real model.

    python evals/simulated/aime.py      serves them on loopback until Ctrl-C
"""

from __future__ import annotations

import functools
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving import REFLECTION, examples_in, serve

from langgraph_gepa.demo.lessons import Lesson, Reading, reflect
from langgraph_gepa.demo.server import Answer, Persona, Request

SOLVER = "simulated-solver"
SAMPLE = Path(__file__).parents[1] / "data" / "aime"

LESSONS = (
    Lesson(
        name="bare",
        patterns=(r"only|nothing (else|but)|bare|no (words|text|units)|alone", r"answer|number|integer"),
        phrasings=(
            "The answer line holds the integer alone, with no words or units.",
            "After 'Answer:' write only the number, and nothing else.",
        ),
        feedback=r"Not readable",
        luck=0.5,
    ),
    Lesson(
        name="lowest",
        patterns=(r"lowest terms|reduce|simplif|coprime|common (factor|divisor)", r"fraction|terms|ratio|m/n"),
        phrasings=(
            "Reduce every fraction to lowest terms before you add numerator and denominator.",
            "Where m/n is asked for, cancel each common factor first.",
        ),
        feedback=r"lowest terms",
        luck=0.3,
    ),
    Lesson(
        name="remainder",
        patterns=(r"remainder|modul|\bmod\b", r"power|each step|every step|squar"),
        phrasings=(
            "For the remainder of a large power, square again and again and reduce modulo at every step.",
            "Never write out a large power: take it modulo the divisor at each step.",
        ),
        feedback=r"modulo .* at every step",
        luck=0.3,
    ),
    Lesson(
        name="divisors",
        patterns=(r"prime factor|factoriz", r"divisor|multiple|count"),
        phrasings=(
            "Count divisors from the prime factorization, and take out what they must all share.",
            "To count divisors that are multiples of k, divide by k and use the prime factorization of the rest.",
        ),
        feedback=r"prime factorization",
        luck=0.3,
    ),
    Lesson(
        name="cases",
        patterns=(r"complement|at least one|subtract|more than once|double|overcount", r"count|choos|choice|case"),
        phrasings=(
            "For 'at least one', count the complement and subtract it; make sure no choice is counted twice.",
            "When you count choices, check that none is counted more than once: the complement is safer.",
        ),
        feedback=r"subtract the complement",
        luck=0.3,
    ),
    Lesson(
        name="ends",
        patterns=(r"\bends?\b|endpoint|fence|off by one|boundar", r"point|count|includ|gap|both"),
        phrasings=(
            "Count points and not the gaps between them: include both ends.",
            "Check for mistakes off by one: do both endpoints count?",
        ),
        feedback=r"both ends belong",
        luck=0.3,
    ),
    Lesson(
        name="digits",
        patterns=(r"leading|first digit|begin with", r"\b0\b|zero"),
        phrasings=(
            "The leading digit of a number is never 0: leave such cases out.",
            "When counting numbers by their digits, drop those that begin with zero.",
        ),
        feedback=r"leading digit is 0",
        luck=0.3,
    ),
)


@dataclass(frozen=True, slots=True)
class Key:
    """What there is to know of one problem: the kind of mistake it invites, and the answers with and without it."""

    kind: str
    answer: str
    slip: str


def answer_key(examples: Iterable[Mapping[str, Any]]) -> dict[str, Key]:
    """Problem -> key, of examples as in `evals/data/aime`."""
    return {
        row["inputs"]["problem"]: Key(row["metadata"]["kind"], row["outputs"]["answer"], row["metadata"]["slip"])
        for row in examples
    }


def solve(key: Mapping[str, Key], request: Request, rng: random.Random) -> Answer:
    """The solver's reply. What is not the problem in its prompt are instructions."""
    text = f"{request.system}\n{request.user}"
    problem = max((problem for problem in key if problem in text), key=len, default="")
    reading = Reading(text.replace(problem, ""), LESSONS, rng)
    if not problem:
        return Answer("This problem is new to me.\n\nAnswer: 0")
    known = key[problem]
    answer = known.answer if reading.does(known.kind) else known.slip
    last = answer if reading.does("bare") else f"The number asked for is {answer}"
    return Answer(
        f"This is a problem of the kind {known.kind!r}, and simulated reasoning leads to {answer}.\n\nAnswer: {last}"
    )


def personas(key: Mapping[str, Key]) -> dict[str, Persona]:
    """The simulated models by name, for a `SimulatedServer`."""
    return {SOLVER: functools.partial(solve, key), REFLECTION: functools.partial(reflect, lessons=LESSONS)}


def shipped_key() -> dict[str, Key]:
    """The keys of the problems in `evals/data/aime`."""
    return answer_key(examples_in(SAMPLE))


if __name__ == "__main__":
    serve(personas(shipped_key()), {"AIME_MODEL": SOLVER})
