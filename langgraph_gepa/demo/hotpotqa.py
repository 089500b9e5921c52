"""Simulated models for `graphs/hotpotqa.py`: a reader that summarises, searches and answers, and a reflection model.

No model is behind them. The simulated reader truly reads the passages and summaries it is given: it
picks sentences by their overlap with the question, and searches for names it finds in them. How
much of it survives depends on what the prompt asks for.

It cannot understand English, so in place of understanding it holds an answer key: the questions
with their answers and supporting facts. It looks at the key only when it is asked to answer, and
the key opens only when the answer and enough of the supporting facts stand in the summaries in
front of it; otherwise it guesses from what it sees. Its scores therefore say something about
prompts, retrieval and bookkeeping, and nothing about any real model.

    python -m langgraph_gepa.demo.hotpotqa      serves them on loopback until Ctrl-C
"""

from __future__ import annotations

import functools
import json
import sys
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from langgraph_gepa.demo.lessons import reflect
from langgraph_gepa.demo.reader import ANSWERING, SEARCHING, SUMMARIZING, Key, read
from langgraph_gepa.demo.server import Persona, SimulatedServer

READER = "simulated-reader"
REFLECTION = "simulated-reflection"
LESSONS = (*SUMMARIZING, *SEARCHING, *ANSWERING)
SAMPLE = Path("evals/data/hotpotqa")


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
    return {READER: functools.partial(read, key), REFLECTION: functools.partial(reflect, lessons=LESSONS)}


def main(folder: Path = SAMPLE) -> None:
    """Serves the simulated models for the examples in `folder`, and says how to point the graph at them."""
    lines = [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()]
    examples = [row for row in map(json.loads, lines) if "inputs" in row]
    with suppress(KeyboardInterrupt), SimulatedServer(personas(answer_key(examples))) as server:
        print("Simulated models, no model behind them. In another terminal:\n")
        print(f"export OPENAI_BASE_URL={server.base_url} OPENAI_API_KEY=simulated HOTPOTQA_MODEL=openai:{READER}")
        print(f"# and for the reflections: --reflection-lm openai:{REFLECTION}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
