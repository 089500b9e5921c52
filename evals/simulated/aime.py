"""Simulated models for `graphs/aime.py`, on the AIME as on LiveBench-Math: a solver and a reflection model.

No model is behind them. The solver cannot do mathematics: it holds the answers of the problems, and for each of the
invented ones the answer that the usual mistake leads to. Which of them it gives depends on whether its prompt warns of
that kind of mistake; to a problem whose mistakes are not known it gives the right answer about one time in two. Unless
the prompt asks for the bare answer, it mostly wraps it in words. Its scores say something about prompts and
bookkeeping, and nothing about any real model.

    python evals/simulated/aime.py [DIR]    serves them on loopback until Ctrl-C, for the examples in DIR
"""

from __future__ import annotations

import functools
import random
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dspy_format import answering, reflecting
from serving import REFLECTION, examples_in, serve

from langgraph_gepa.demo.lessons import Lesson, Reading
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
    """What there is to know of one problem: the kind of mistake it invites (if known), the answers without and with."""

    kind: str | None
    answer: str
    slip: str


def answer_key(examples: Iterable[Mapping[str, Any]]) -> dict[str, Key]:
    """Problem -> key, of examples as in `evals/data/aime`."""
    return {
        row["inputs"]["problem"].strip(): Key(
            row["metadata"].get("kind"), row["outputs"]["answer"], row["metadata"].get("slip", "none of these")
        )
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
    right = reading.does(known.kind) if known.kind else rng.random() < 0.5
    answer = known.answer if right else known.slip
    last = answer if reading.does("bare") else f"What is asked for is {answer}"
    kind = f"of the kind {known.kind!r}" if known.kind else "of no kind that is known"
    return Answer(f"This is a problem {kind}, and simulated reasoning leads to {answer}.\n\nAnswer: {last}")


def personas(key: Mapping[str, Key]) -> dict[str, Persona]:
    """The simulated models by name, for a `SimulatedServer`."""
    return {SOLVER: answering(functools.partial(solve, key)), REFLECTION: reflecting(LESSONS)}


def shipped_key() -> dict[str, Key]:
    """The keys of the problems in `evals/data/aime`."""
    return answer_key(examples_in(SAMPLE))


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE
    serve(personas(answer_key(examples_in(folder))), {"AIME_MODEL": SOLVER})
