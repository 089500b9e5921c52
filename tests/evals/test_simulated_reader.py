from __future__ import annotations

import random
import re
from pathlib import Path

import reader

from langgraph_gepa.demo.lessons import covered
from langgraph_gepa.demo.server import Request

ROOT = Path(__file__).parents[2]
KEY = {
    "Who led the tribe that Ann Lee met?": reader.Key(
        "Old Bear", ("Ann Lee met the Apalachees in 1605.", "The Apalachees were led by Old Bear.")
    )
}
PASSAGES = """\
Ann Lee | Ann Lee met the Apalachees in 1605. She was fond of tea.
Apalachees | The Apalachees were led by Old Bear. They lived in Florida.
Tea | Tea is a drink. It is hot."""


def reply(text: str, seed: int = 0) -> str:
    request = Request("simulated-reader", ({"role": "user", "content": text},))
    return reader.read(KEY, request, random.Random(seed)).text


def answers(rules: str, summaries: str) -> list[str]:
    question = next(iter(KEY))
    prompt = f"Answer.\n\nQuestion: {question}\n\nSummary 1: {summaries}\n\nSummary 2: -\n\n{rules}"
    return [reply(prompt, seed) for seed in range(40)]


def test_seed_prompts_teach_nothing() -> None:
    """The graph as it ships asks for none of what the reader needs to be asked for."""
    source = (ROOT / "graphs" / "hotpotqa.py").read_text("utf-8")
    prompts = re.findall(r'"""\\\n(.*?)"""', source, re.DOTALL)
    assert len(prompts) == 4
    assert not any(covered(prompt, reader.LESSONS) for prompt in prompts)


def test_the_reader_cannot_answer_from_nothing() -> None:
    """Without the supporting facts in its prompt the key does not open, whatever the prompt asks for."""
    rules = " ".join(lesson.phrasings[0] for lesson in reader.ANSWERING)
    assert "Old Bear" not in answers(rules, "Ann Lee met someone. Tea is hot.")
    known = answers(rules, "Ann Lee met the Apalachees in 1605. The Apalachees were led by Old Bear.")
    assert known.count("Old Bear") > 30


def test_the_reader_answers_at_length_unasked() -> None:
    """Where the prompt is silent on form, the right answer mostly comes wrapped in a sentence."""
    silent = answers("", "Ann Lee met the Apalachees in 1605. The Apalachees were led by Old Bear.")
    assert silent.count("Old Bear") < 25
    assert any(answer.endswith("is Old Bear.") for answer in silent)


def test_summaries_keep_what_they_are_asked_to_keep() -> None:
    """Names and numbers reach the summary when the prompt asks for them, and then only from the passages."""
    question = "What did Ann Lee meet?"
    prompt = f"Summarize.\n\nQuestion: {question}\n\nPassages:\n{PASSAGES}"
    rules = " ".join(lesson.phrasings[0] for lesson in reader.SUMMARIZING)
    full = [reply(f"{prompt}\n\n{rules}", seed) for seed in range(20)]
    bare = [reply(prompt, seed) for seed in range(20)]
    assert sum("Old Bear" in text and "1605" in text for text in full) > sum("Old Bear" in text for text in bare)


def test_queries_name_the_missing_link() -> None:
    """Asked to, the query writer searches for the name that the summary adds to the question."""
    fields = "Question: Who led the tribe that Ann Lee met?\n\nSummary: Ann Lee: Ann Lee met the Apalachees."
    rules = " ".join(lesson.phrasings[0] for lesson in reader.SEARCHING)
    assert "Apalachees" in reply(f"Write a query. {rules}\n\n{fields}")
    assert reply(f"Write a query.\n\n{fields}", seed=1) == "Who led the tribe that Ann Lee met?"


def test_same_request_same_reply() -> None:
    """A reply depends on the request and the dice only."""
    prompt = f"Summarize.\n\nQuestion: Who?\n\nPassages:\n{PASSAGES}"
    assert len({reply(prompt, 3) for _ in range(5)}) == 1
