"""The best output of each task, found on real graphs that talk to simulated models over HTTP."""

from __future__ import annotations

import json
import random
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from langchain_openai import ChatOpenAI

from langgraph_gepa import Budget, Outputs, Result, bind, optimize, search_outputs
from langgraph_gepa.adapter.loading import load_graph, load_metric
from langgraph_gepa.core.candidate import Candidate, texts_key
from langgraph_gepa.core.events import (
    CandidateAdmitted,
    ChildrenProposed,
    Event,
    IterationStarted,
    ModelTried,
    ModulesChosen,
    ReflectionFinished,
    RolloutFinished,
    RunStarted,
)
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Module
from langgraph_gepa.core.rollout import Usage
from langgraph_gepa.demo.lessons import tagged
from langgraph_gepa.demo.server import SimulatedServer
from langgraph_gepa.engine.codec import dump
from langgraph_gepa.engine.optimizer import Examples
from langgraph_gepa.engine.ports import Reply
from langgraph_gepa.errors import UsageError
from langgraph_gepa.runs.config import RunConfig
from langgraph_gepa.runs.outputs import texts_of
from langgraph_gepa.runs.saved_run import SavedRun
from langgraph_gepa.search.pool import Pool
from langgraph_gepa.store.folder import open_run
from langgraph_gepa.store.memory import MemoryStore


def forgetful(prompt: str) -> str:
    """A simulated reflection model that takes up one word and drops those before it, often the placeholder as well."""
    (text,) = tagged(prompt, "current_text")
    wanted = [word for comment in tagged(prompt, "feedback") for word in re.findall(r"must mention (\w+)", comment)]
    chance = random.Random(f"{text} {wanted} {tagged(prompt, 'broken')}")
    kept = text.partition(" Mention")[0].replace("{name}", "{name}" if chance.random() < 0.5 else "you")
    return f"```\n{kept} Mention {chance.choice(wanted)} at {chance.random():.3f}.\n```" if wanted else "NO CHANGE"


def found(run: str = "run", search: str = "racing", rollouts: int = 60, **how: Any) -> Outputs:
    arguments = {"metric": "letters.py:score", "reflection_lm": forgetful, "progress": False, "in_flight": 1, **how}
    return search_outputs(
        "letters.py:graph", "train.jsonl", search=search, budget=Budget(rollouts=rollouts), run=run, **arguments
    )


def rollouts(result: Result) -> list[RolloutFinished]:
    return [event for _, event in result.saved.events if isinstance(event, RolloutFinished)]


@pytest.mark.parametrize("search", ["racing", "gepa"])
def test_the_best_rollout_of_each_task_is_found(project: Path, search: str) -> None:
    """The highest score that any rollout of a task had, with an output the metric gives just that."""
    outputs, metric = found(search=search), load_metric("letters.py:score")
    examples = {one["id"]: one for one in map(json.loads, Path("train.jsonl").read_text().splitlines())}
    assert list(outputs) == list(examples)
    for task, one in outputs.items():
        assert one.score == max(event.score for event in rollouts(outputs.result) if event.example == task)
        assert metric(outputs=one.output, reference_outputs=examples[task]["outputs"]).score == one.score
    assert sum(one.score for one in outputs.values()) > 2


def test_the_prompts_of_an_output_are_those_that_made_it(project: Path) -> None:
    """Bound to the graph they make it again, also where they were tried, found no better on the whole, and dropped."""
    graph, outputs = load_graph("letters.py:graph"), found(search="gepa", rollouts=90)
    for task, one in outputs.items():
        assert one.prompts is not None
        made = bind(graph, one.prompts).invoke({"name": "Ada", "letter": f"Letter {task.partition('-')[2]}"})
        assert (made["kind"], made["reply"]) == (one.output["kind"], one.output["reply"])
        assert one.candidate is None or outputs.result.pool.candidates[one.candidate].texts == one.prompts
    assert None in {one.candidate for one in outputs.values()}


@pytest.mark.parametrize("search", ["racing", "gepa"])
def test_all_texts_that_were_run_can_be_told(project: Path, search: str) -> None:
    """Those admitted, and the whole and half edits that were screened out."""
    saved = found(search=search).result.saved
    keys = {event.texts for _, event in saved.events if isinstance(event, RolloutFinished)}
    with closing(open_run(saved.folder, create=False, read_only=True)) as store:
        known = texts_of(saved, store, keys)
    assert {key: texts and texts_key(texts) for key, (_, texts) in known.items()} == {key: key for key in keys}
    assert {number for number, _ in known.values()} == {None, *range(len(saved.pool.candidates))}


SEED = {"sort": "Sort.", "answer": "Answer {name}."}
MERGED, EDITED = {**SEED, "sort": "Merged."}, {**SEED, "sort": "Sort well."}


def came_to_nothing(*more: Event) -> SavedRun:
    """A merge turned down at its gate, and an edit one of whose replies broke its placeholder twice."""
    modules = (Module("sort", "prompt", "Sort."), Module("answer", "prompt", "", "format", placeholders=("name",)))
    events: list[Event] = [
        RunStarted(SEED, ("a",), ("a",)),
        CandidateAdmitted(0, Candidate(0, SEED)),
        IterationStarted(1, (0, 0), ("a",), 0, MERGED),
        RolloutFinished(1, texts_key(MERGED), "a", "gate", 0.0, Usage(), 0.0, "r1"),
        IterationStarted(3, (0,), ("a",), lineage="joint"),
        ModulesChosen(3, 0, ("sort", "answer"), ("a",)),
        ReflectionFinished(3, "answer", Usage(), 0.0, "m1"),
        ReflectionFinished(3, "sort", Usage(), 0.0, "m2"),
        ReflectionFinished(3, "answer", Usage(), 0.0, "m3"),
        RolloutFinished(3, texts_key(EDITED), "a", "feedback", 0.0, Usage(), 0.0, "r2"),
        *more,
    ]
    sets = Examples((Example("a", {}),), (Example("a", {}),))
    config = RunConfig(
        found=modules, modules=("sort", "answer"), examples=sets, fingerprint="", metric="", reflection_model="",
        search="racing", seed=0, in_flight=1, concurrency=1, budget=Budget(), graph={},
    )  # fmt: skip
    return SavedRun(Path(), config, [(0.0, event) for event in events], Pool.replay(events))


def test_texts_that_came_to_nothing_are_in_the_journal() -> None:
    """Of a merge and of an edit that were turned down: no reply is read again to find them."""
    saved = came_to_nothing(ChildrenProposed(3, ({"sort": "Sort well."},), {"answer": "refused"}))
    known = texts_of(saved, MemoryStore(), {texts_key(MERGED), texts_key(EDITED)})
    assert (known[texts_key(MERGED)], known[texts_key(EDITED)]) == ((None, MERGED), (None, EDITED))


def test_a_journal_without_proposed_texts_falls_back_on_the_replies() -> None:
    """The first runs kept none; texts that other rules made of the replies stay unknown."""
    store = MemoryStore()
    for key, text in {"m1": "Answer.", "m2": "Sort well.", "m3": "Reply."}.items():
        store.pay(key, dump(Reply(f"```\n{text}\n```")), ModelTried(Usage(), 0.0, key), 0.0)
    known = texts_of(came_to_nothing(), store, {texts_key(MERGED), texts_key(EDITED), "of other rules"})
    assert (known[texts_key(MERGED)], known[texts_key(EDITED)]) == ((None, MERGED), (None, EDITED))
    assert known["of other rules"] == (None, None)


def test_a_search_for_outputs_goes_on_and_is_not_paid_twice(project: Path, server: SimulatedServer) -> None:
    """The same call on more budget only gets better; on the same it asks nobody; the folder alone tells the same."""
    first = found(rollouts=30)
    more = found(rollouts=60)
    assert all(more[task].score >= one.score for task, one in first.items())
    before = server.requests
    again, opened = found(rollouts=60), Result.open("run").outputs
    assert dict(again) == dict(opened) == dict(more)
    assert server.requests == before


def test_any_run_tells_its_best_outputs(project: Path) -> None:
    """Training and validation examples are tasks, held-out ones are none; two of one id are two tasks."""
    train = [{"id": "a", "inputs": {"name": "Ada", "letter": "1"}, "outputs": {"sort": "urgent"}}]
    val = [{"id": "a", "inputs": {"name": "Bob", "letter": "2"}, "outputs": {"sort": "legal"}}, train[0] | {"id": "b"}]
    result = optimize(
        "letters.py:graph", train, val, testset="test.jsonl", metric="letters.py:score",
        reflection_lm=forgetful, budget=Budget(rollouts=30), run="run", progress=False,
    )  # fmt: skip
    assert list(result.outputs) == ["a", "a-2", "b"]
    assert result.outputs["a-2"].output["name"] == "Bob"
    assert result.outputs["b"].output["name"] == "Ada"
    assert any(event.subset == "test" for event in rollouts(result))


def test_any_output_is_better_than_none(project: Path) -> None:
    """A rollout that failed has no output: it never stands for a task on which another came through."""

    def harsh(outputs: dict[str, Any], reference_outputs: dict[str, Any]) -> tuple[float, str]:
        return -1.0, f"must mention {reference_outputs['sort']}"

    (Path("letters.py")).write_text(
        Path("letters.py").read_text() + "\n\ndef picky(letter: Letter) -> Letter:\n"
        '    if "Mention" in letter["kind"]:\n        raise ValueError("no")\n    return {"reply": ""}\n\n\n'
        'picking = StateGraph(Letter).add_sequence([sort, picky]).set_entry_point("sort").compile()\n'
    )
    outputs = search_outputs(
        "letters.py:picking", "train.jsonl", metric=harsh, reflection_lm=forgetful,
        budget=Budget(rollouts=60), run="run", search="gepa", progress=False, perfect=1,
    )  # fmt: skip
    assert any(event.error and event.score == -1 for event in rollouts(outputs.result))
    assert {(one.score, one.candidate) for one in outputs.values()} == {(-1.0, 0)}
    assert all(one.output is not None for one in outputs.values())


def test_tasks_take_the_place_of_both_sets(project: Path) -> None:
    """Other sets are refused, and tasks that can be read only once are read once."""
    with pytest.raises(UsageError, match="search_outputs takes no valset"):
        found(valset="val.jsonl")
    tasks = (json.loads(line) for line in Path("train.jsonl").read_text().splitlines())
    outputs = search_outputs(
        "letters.py:graph", tasks, metric="letters.py:score", budget=Budget(rollouts=30),
        reflection_lm=ChatOpenAI(model="simulated-editor"), run="run", progress=False,
    )  # fmt: skip
    assert len(outputs) == len(outputs.result.saved.config.examples.pareto) == 6
