"""Simulated models for `graphs/hotpotqa.py`: a reader that summarises, searches and answers, and a reflection model.

No model is behind them. The simulated reader truly reads the passages and summaries it is given: it
picks sentences by their overlap with the question, and searches for names it finds in them. How
much of it survives depends on what the prompt asks for.

It cannot understand English, so in place of understanding it holds an answer key: the questions
with their answers and supporting facts. It looks at the key only when it is asked to answer, and
the key opens only when the answer and enough of the supporting facts stand in the summaries in
front of it; otherwise it guesses from what it sees. Its scores therefore say something about
prompts, retrieval and bookkeeping, and nothing about any real model.

    python evals/simulated/hotpotqa.py [DIR]    serves them on loopback until Ctrl-C, for the examples in DIR
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dspy_format import answering, reflecting
from reader import LESSONS, Key, read
from serving import REFLECTION, examples_in, serve

from langgraph_gepa.demo.server import Persona

READER = "simulated-reader"
SAMPLE = Path(__file__).parents[1] / "data" / "hotpotqa"


def answer_key(examples: Iterable[Mapping[str, Any]]) -> dict[str, Key]:
    """Question -> key, of examples as in `evals/data/hotpotqa`."""
    return {
        example["inputs"]["question"]: Key(
            example["outputs"]["answer"], tuple(fact["sentence"] for fact in example["outputs"]["facts"])
        )
        for example in examples
    }


def personas(key: Mapping[str, Key]) -> dict[str, Persona]:
    """The simulated models by name, for a `SimulatedServer`."""
    return {READER: answering(functools.partial(read, key)), REFLECTION: reflecting(LESSONS)}


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else SAMPLE
    serve(personas(answer_key(examples_in(folder))), {"HOTPOTQA_MODEL": READER})
