from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from langgraph_gepa.demo import hotpotqa as demo
from langgraph_gepa.demo import reader
from langgraph_gepa.demo.lessons import Lesson, covered, overdone
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


def asked(model: str, text: str, seed: int = 0) -> str:
    request = Request(model, ({"role": "user", "content": text},))
    return demo.personas(KEY)[model](request, random.Random(seed)).text


def answers(rules: str, summaries: str) -> list[str]:
    question = next(iter(KEY))
    prompt = f"Answer.\n\nQuestion: {question}\n\nSummary 1: {summaries}\n\nSummary 2: -\n\n{rules}"
    return [asked(demo.READER, prompt, seed) for seed in range(40)]


@pytest.mark.parametrize("lesson", demo.LESSONS, ids=lambda lesson: lesson.name)
def test_lessons(lesson: Lesson) -> None:
    """Each way to write a lesson teaches it, each way to overdo it is seen as overdone; vague words teach none."""
    assert all(covered(phrasing, [lesson]) for phrasing in lesson.phrasings)
    assert all(overdone(phrasing, [lesson]) for phrasing in lesson.overreach)
    assert not any(overdone(phrasing, [lesson]) for phrasing in lesson.phrasings)
    assert not any(covered(phrasing, [lesson]) for phrasing in lesson.vague)


def test_seed_prompts_teach_nothing() -> None:
    """The graph as it ships asks for none of what the reader needs to be asked for."""
    source = (ROOT / "graphs" / "hotpotqa.py").read_text("utf-8")
    prompts = re.findall(r'"""\\\n(.*?)"""', source, re.DOTALL)
    assert len(prompts) == 4
    assert not any(covered(prompt, demo.LESSONS) for prompt in prompts)


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
    assert any(said.endswith("is Old Bear.") for said in silent)


def test_summaries_keep_what_they_are_asked_to_keep() -> None:
    """Names and numbers reach the summary when the prompt asks for them, and then only from the passages."""
    question = "What did Ann Lee meet?"
    prompt = f"Summarize.\n\nQuestion: {question}\n\nPassages:\n{PASSAGES}"
    rules = " ".join(lesson.phrasings[0] for lesson in reader.SUMMARIZING)
    full = [asked(demo.READER, f"{prompt}\n\n{rules}", seed) for seed in range(20)]
    bare = [asked(demo.READER, prompt, seed) for seed in range(20)]
    assert sum("Old Bear" in said and "1605" in said for said in full) > sum("Old Bear" in said for said in bare)


def test_queries_name_the_missing_link() -> None:
    """Asked to, the query writer searches for the name that the summary adds to the question."""
    fields = "Question: Who led the tribe that Ann Lee met?\n\nSummary: Ann Lee: Ann Lee met the Apalachees."
    rules = " ".join(lesson.phrasings[0] for lesson in reader.SEARCHING)
    assert "Apalachees" in asked(demo.READER, f"Write a query. {rules}\n\n{fields}")
    assert asked(demo.READER, f"Write a query.\n\n{fields}", seed=1) == "Who led the tribe that Ann Lee met?"


def test_same_request_same_reply() -> None:
    """A reply depends on the request and the dice only."""
    prompt = f"Summarize.\n\nQuestion: Who?\n\nPassages:\n{PASSAGES}"
    assert len({asked(demo.READER, prompt, 3) for _ in range(5)}) == 1


def test_main_says_how_to_use_it(tmp_path: Path) -> None:
    """Run as a module it serves until Ctrl-C and prints the two lines a user needs."""
    example = {"inputs": {"question": "?"}, "outputs": {"answer": "!", "facts": []}}
    (tmp_path / "train.jsonl").write_text(json.dumps(example), "utf-8")
    command = [sys.executable, "-m", "langgraph_gepa.demo.hotpotqa", str(tmp_path)]
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)  # a child of `nohup` would never hear it
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    finally:
        signal.signal(signal.SIGINT, heard)
    with process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(4)]
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
    assert re.match(r"export OPENAI_BASE_URL=http://127.0.0.1:\d+/simulated/v1 OPENAI_API_KEY=simulated", lines[2])
    assert demo.REFLECTION in lines[3]
