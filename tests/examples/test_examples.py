"""The scripts of examples/, run as a user would run them, against simulated models on loopback."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from langgraph_gepa.demo.lessons import tagged
from langgraph_gepa.demo.server import Answer, Persona, Request, SimulatedServer, ToolCall
from langgraph_gepa.runs.result import Result

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))


def clerk(request: Request, rng: random.Random) -> Answer:
    """A simulated model that knows the trades of the examples, and no house rule its prompt does not state."""
    said = str(request.messages[1]["content"])
    if "Python" in request.system:
        return _writes_code(request.system, said)
    if request.schema:
        return _reads_bills(request.system, said)
    if request.tools:
        return _decides(request, said)
    if "Thank" in request.system:
        return Answer("Thank you! We opened a ticket." if "ticket" in request.system else "Thank you!")
    frozen = re.search(r"Hangs|Freezes", said) and "stops responding" not in request.system
    wish, crash = "Please" in said, re.search(r"closes|Hangs|Freezes", said)
    return Answer("wrong" if frozen else "wish" if wish else "crash" if crash else "wrong")


def _writes_code(prompt: str, task: str) -> Answer:
    """Slow code unless it is to be fast, and for one of the tasks wrong until it hears so."""
    fast = "make it fast" in prompt
    if "primes" in task:
        code = (
            """
def primes(n):
    sieve = bytearray([1]) * max(n, 2)
    for d in range(2, int(n ** 0.5) + 1):
        sieve[d * d :: d] = bytes(len(sieve[d * d :: d]))
    return [k for k in range(2, n) if sieve[k]]"""
            if fast
            else """
def primes(n):
    return [k for k in range(2, n) if all(k % d for d in range(2, k))]"""
        )
    elif "Wrong: assert pairs" not in prompt:
        code = "def pairs(numbers, total):\n    return sum(a + b == total for a in numbers for b in numbers) // 2"
    else:
        code = (
            """
def pairs(numbers, total):
    seen, found = {}, 0
    for one in numbers:
        found += seen.get(total - one, 0)
        seen[one] = seen.get(one, 0) + 1
    return found"""
            if fast
            else """
def pairs(numbers, total):
    return sum(a + b == total for i, a in enumerate(numbers) for b in numbers[:i])"""
        )
    return Answer(f"Here it is:\n```python\n{code}\n```")


def _decides(request: Request, claim: str) -> Answer:
    found = re.search(r"([\d.]+) (EUR|JPY|GBP|USD)", claim)
    if found and request.messages[-1]["role"] != "tool":
        return Answer("", (ToolCall("in_euros", {"amount": float(found[1]), "currency": found[2]}),))
    amount = float(str(request.messages[-1]["content"]))
    dear = "Dinner" in claim and amount > 100 and "100 euros" in request.system
    far = "Train" in claim or "Flight" in claim
    wet = re.search("wine|beer", claim) and "alcohol" in request.system
    return Answer("reject" if dear or wet or (far and "travel" not in request.system) else "approve")


def _reads_bills(prompt: str, note: str) -> Answer:
    value = float(re.findall(r"[\d.]+", note)[0])
    currency = next(code for signs, code in (("€|euro", "EUR"), (r"\$|dollar", "USD"), ("£|pound", "GBP"))
                    if re.search(signs, note))  # fmt: skip
    day, month = re.findall(r"(\d+) (April|May|June|July)", note)[0]
    number = {"April": 4, "May": 5, "June": 6, "July": 7}[month]
    due = f"2026-{number:02}-{int(day):02}" if "2026-" in prompt else f"{day} {month} 2026"
    amount = f"{value:.2f} {currency}" if "amount" in prompt else f"{value:g}"
    return Answer(json.dumps({"amount": amount, "due": due}))


def learner(request: Request, rng: random.Random) -> Answer:
    """A simulated reflection model: it adds to the text what the feedback says was wrong."""
    (text,) = tagged(request.user, "current_text")
    said = {line for words in tagged(request.user, "feedback") for line in words.splitlines() if "score" not in line}
    new = sorted(line for line in (re.sub(r"[{}]|on this module: ", "", line) for line in said) if line not in text)
    return Answer("\n".join(["```", text, *new, "```"]) if new else "NO CHANGE")


@pytest.fixture(scope="module")
def simulated() -> Iterator[SimulatedServer]:
    with SimulatedServer({"gpt-5-mini": clerk, "gpt-5": learner}) as server:
        yield server


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_ends_with_better_prompts(script: Path, simulated: SimulatedServer, tmp_path: Path) -> None:
    """What a user copies works as it stands: the score rises, and the run's page and prompts are there."""
    environment = os.environ | {"OPENAI_BASE_URL": simulated.base_url, "OPENAI_API_KEY": "simulated"}
    done = subprocess.run([sys.executable, script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (run,) = (tmp_path / "runs").iterdir()
    found = Result.open(run)
    assert found.pool.mean(found.best) > found.pool.mean(found.pool.candidates[0])
    assert json.loads((run / "prompts.json").read_text()) == found.prompts
    assert (run / "report.html").stat().st_size > 1000
    assert all(text.strip() in done.stdout for text in found.prompts.values() if "\n" in text)


@pytest.mark.parametrize(("reflection", "exits"), [(learner, 0), (lambda *_: Answer("NO CHANGE"), 1)])
def test_a_migration_compares_three_on_the_new_model_and_fails_below_its_bar(
    reflection: Persona, exits: int, tmp_path: Path
) -> None:
    """The graph as it is, the prompts tuned for the old model and those tuned again; a file of prompts is a start."""
    script = next(path for path in EXAMPLES if path.stem == "model_migration")
    tuned = "Label the bug report. Crash: it stops responding."
    (tmp_path / "prompts.json").write_text(json.dumps({"label": tuned}))
    with SimulatedServer({"gpt-5-mini": clerk, "gpt-5": reflection}) as server:
        environment = os.environ | {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "simulated"}
        command = [sys.executable, script, "prompts.json"]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == exits, done.stderr
    before, old, now = (float(score) for score in re.findall(r"\d\.\d\d", done.stdout.splitlines()[-1]))
    assert before < old
    assert now == (1.0 if exits == 0 else old)
    (run,) = (tmp_path / "runs").iterdir()
    assert [one.texts["label"] for one in Result.open(run).pool.candidates if one.given] == [tuned]


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_fits_on_a_page(script: Path) -> None:
    """An example has at most 40 lines."""
    assert len(script.read_text().splitlines()) <= 40
