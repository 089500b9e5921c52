"""The config of a run: what is kept of it, and what must be the same for the run to go on."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from langgraph_gepa.core.budget import Budget
from langgraph_gepa.core.candidate import Candidate
from langgraph_gepa.core.events import CandidateAdmitted
from langgraph_gepa.core.example import Example
from langgraph_gepa.core.module import Module
from langgraph_gepa.engine.optimizer import Examples
from langgraph_gepa.errors import RunError
from langgraph_gepa.runs.config import RunConfig, load_config
from langgraph_gepa.runs.resume import as_before_apply, identity_of, masked_sets, start_or_resume, started_with
from langgraph_gepa.store.memory import MemoryStore

EXAMPLES = [Example(f"e{n}", {"question": f"secret {n}"}, {"answer": str(n)}) for n in range(4)]
CONFIG = RunConfig(
    found=(Module("writer", "prompt", "Write about secret."),),
    modules=("writer",),
    examples=Examples(EXAMPLES[:2], EXAMPLES[2:], []),
    fingerprint="f",
    parts={"the models": "small", "the metric": "m"},
    metric="score",
    reflection_model="openai:large",
    search="racing",
    seed=0,
    in_flight=2,
    concurrency=4,
    budget=Budget(rollouts=60),
    graph={"name": "g", "nodes": [], "edges": []},
)


def hide(value: Any) -> Any:
    return re.sub("secret", "<hidden>", value) if isinstance(value, str) else value


@pytest.fixture(autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key of the user's is used or made."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))


def test_a_config_is_read_as_it_was_written() -> None:
    """Texts are hidden where a mask says so, ids never."""
    store = MemoryStore()
    start_or_resume(CONFIG, store)
    assert load_config(store) == CONFIG
    start_or_resume(CONFIG, store, texts=hide)
    assert load_config(store).found[0].text == "Write about <hidden>."


def test_a_run_that_never_started_has_no_config() -> None:
    """Its folder was made and nothing more."""
    with pytest.raises(RunError, match="never started"):
        load_config(MemoryStore())


CHANGES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "nothing": ({}, set()),
    "a larger budget": ({"budget": Budget(rollouts=90), "concurrency": 8, "in_flight": 1}, set()),
    "the seed": ({"seed": 1}, {"the seed"}),
    "the search": ({"search": "gepa"}, {"the search"}),
    "records": ({"records": 24}, {"the search"}),
    "repeats": ({"repeats": 2}, {"the search"}),
    "repeats where they decide": ({"repeats": "auto"}, set()),
    "a perfect score": ({"perfect": 5.0}, {"the search"}),
    "the models": ({"parts": {"the models": "large", "the metric": "m"}}, {"the models"}),
    "the modules": ({"modules": ()}, {"the choice of modules"}),
    "the notes": ({"notes": {"writer": "Be brief."}}, {"the notes"}),
    "the reflection prompt": ({"reflection_prompt": {"writer": "{text}"}}, {"the reflection prompt"}),
    "an example": ({"examples": Examples(EXAMPLES[:1], EXAMPLES[2:])}, {"the training examples"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_decides_over_scores_must_be_the_same(change: str) -> None:
    """By name; budget and concurrency may differ."""
    changes, names = CHANGES[change]
    before, now = identity_of(CONFIG), identity_of(replace(CONFIG, **changes))
    assert {name for name in {**before, **now} if before.get(name) != now.get(name)} == names


PAIR = replace(CONFIG, found=(*CONFIG.found, Module("critic", "prompt", "Judge.")), modules=("writer", "critic"))


def scored(config: RunConfig) -> MemoryStore:
    """The store of a run that was started with `config` and in which a candidate was scored."""
    store = MemoryStore()
    start_or_resume(config, store)
    store.append(CandidateAdmitted(0, Candidate(0, {})), 0.0)
    return store


def test_a_run_goes_on_where_its_modules_are_found_in_another_order() -> None:
    """The order is that of the turns, which the journal keeps: the run keeps the one that it was started with."""
    store = scored(PAIR)
    before = store.settings()
    start_or_resume(replace(PAIR, modules=("critic", "writer")), store)
    assert load_config(store).modules == PAIR.modules
    assert started_with(store.settings()) == started_with(before)


def test_another_choice_of_modules_is_refused_with_their_names() -> None:
    """Those that were added, and those that are missing."""
    added = replace(PAIR, modules=("writer",))
    with pytest.raises(RunError, match=r"the choice of modules \(added critic\) changed"):
        start_or_resume(PAIR, scored(added))
    with pytest.raises(RunError, match=r"the choice of modules \(added writer; missing critic\) changed"):
        start_or_resume(added, scored(replace(PAIR, modules=("critic",))))


def test_a_set_that_a_mask_changed_is_known() -> None:
    """By what the run was started with."""
    store = MemoryStore()
    start_or_resume(CONFIG, store, examples=lambda value: {**value, "answer": ""} if "answer" in value else value)
    assert masked_sets(load_config(store), started_with(store.settings())) == ("training", "validation")


def test_what_apply_wrote_does_not_make_the_graph_another_one() -> None:
    """Whatever else changed does."""
    before = replace(CONFIG, parts={"text writer": "old", "the metric": "m"})
    now = replace(before, parts={"text writer": "new", "the metric": "m"}, fingerprint="g")
    assert as_before_apply(now, before, {"text writer": "new"}) == before
    assert as_before_apply(now, before, {"text writer": "other"}) == now
    changed = replace(now, parts={"text writer": "new", "the metric": "n"})
    assert as_before_apply(changed, before, {"text writer": "new"}) == changed
