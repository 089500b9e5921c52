from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FACTS = [
    {
        "title": "Kiss and Tell (1945 film)",
        "sentence": "Kiss and Tell is a film starring Shirley Temple as Corliss Archer.",
    },
    {"title": "Shirley Temple", "sentence": "Shirley Temple was named Chief of Protocol of the United States in 1976."},
]
REFERENCE = {"answer": "Chief of Protocol", "facts": FACTS}


@pytest.fixture(scope="module")
def evals() -> ModuleType:
    spec = importlib.util.spec_from_file_location("evals_hotpotqa", ROOT / "evals" / "hotpotqa.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def final(**changes: Any) -> dict[str, Any]:
    passages = [f"{fact['title']} | {fact['sentence']}" for fact in FACTS]
    told = [fact["sentence"] for fact in FACTS]
    state = {
        "passages1": passages[:1],
        "summary1": told[0],
        "query2": "Shirley Temple",
        "passages2": passages[1:],
        "summary2": told[1],
        "answer": "Chief of Protocol",
    }
    return state | changes


@pytest.mark.parametrize(
    ("given", "gold", "same"),
    [
        ("The Chief of Protocol.", "Chief of Protocol", True),
        ("  chief   OF protocol ", "Chief of Protocol", True),
        ("Yes.", "yes", True),
        ("yes, both were", "yes", False),
        ("Teen Titans Go!", "teen titans go", True),
        ("9984", "9,984", True),
        ("an apple a day", "apple day", True),
        ("theatre", "atre", False),
        ("", "the", True),
        ("no", "yes", False),
    ],
)
def test_exact_match(evals: ModuleType, given: str, gold: str, same: bool) -> None:
    """Case, punctuation, articles and blanks do not count, as in the official evaluation; every other word does."""
    assert evals.exact_match(given, gold) is same


def test_sample(evals: ModuleType) -> None:
    """The shipped splits share no question, and the corpus holds every fact that supports an answer."""
    splits = [evals.trainset(), evals.valset(), evals.testset()]
    assert [len(split) for split in splits] == [40, 30, 30]
    examples = [example for split in splits for example in split]
    assert len({example["inputs"]["question"] for example in examples}) == 100
    rows = [json.loads(line) for line in (evals.SAMPLE / "corpus.jsonl").read_text("utf-8").splitlines()]
    corpus = {row["title"]: row["text"] for row in rows}
    for fact in (fact for example in examples for fact in example["outputs"]["facts"]):
        assert fact["sentence"] in corpus[fact["title"]]


def test_all_is_well(evals: ModuleType) -> None:
    """A rollout that found, kept and answered everything scores 1, and no module is blamed."""
    feedback = evals.metric(final(), REFERENCE)
    assert feedback.score == 1
    assert list(feedback.by_module) == ["summarize1", "create_query_hop2", "summarize2", "answer"]
    assert not any("left out" in said or "did not" in said for said in feedback.by_module.values())


def test_query_is_told_what_it_missed(evals: ModuleType) -> None:
    """The query's feedback names the passage still missing, and whether the summary could have told."""
    missed = {"query2": "government position", "passages2": ["Lord High Treasurer | An English post."]}
    told = evals.metric(final(**missed), REFERENCE).by_module["create_query_hop2"]
    assert "did not find 'Shirley Temple': the summary names it" in told
    told = evals.metric(final(**missed, summary1="A film."), REFERENCE).by_module["create_query_hop2"]
    assert "did not find 'Shirley Temple', and the summary does not name it" in told


def test_summary_is_told_what_it_lost(evals: ModuleType) -> None:
    """A summary's feedback quotes the fact that its own passages held, with the names and numbers that are gone."""
    told = evals.metric(final(summary2="She got a post."), REFERENCE).by_module
    assert FACTS[1]["sentence"] in told["summarize2"]
    assert "names left out: Shirley, Temple, Chief, Protocol" in told["summarize2"]
    assert "numbers left out: 1976" in told["summarize2"]
    assert "left out" not in told["summarize1"]


@pytest.mark.parametrize(
    ("given", "gold", "reason"),
    [
        ("She was Chief of Protocol of the United States.", "Chief of Protocol", "in 8 words what takes 3"),
        ("Protocol Chief", "Chief of Protocol", "another form"),
        ("Both were.", "yes", "one word yes or no"),
        ("Treasurer", "Chief of Protocol", "hold every fact needed"),
    ],
)
def test_answer_is_told_why(evals: ModuleType, given: str, gold: str, reason: str) -> None:
    """A wrong answer's feedback holds the right one and what kind of mistake it was."""
    feedback = evals.metric(final(answer=given), {**REFERENCE, "answer": gold})
    assert feedback.score == 0
    assert repr(gold) in feedback.by_module["answer"]
    assert reason in feedback.by_module["answer"]


def test_a_graph_that_stopped_half_way(evals: ModuleType) -> None:
    """A final state that lacks what later nodes write is scored, not an error."""
    assert evals.metric({"question": "?"}, REFERENCE).score == 0
    assert evals.metric(None, REFERENCE).score == 0


def row(name: str, level: str = "hard") -> dict[str, Any]:
    return {
        "_id": name,
        "question": f"Who is {name}?",
        "answer": "nobody",
        "type": "bridge",
        "level": level,
        "supporting_facts": [[f"Page of {name}", 1], [f"Page of {name}", 7]],
        "context": [[f"Page of {name}", ["First.", " Second."]], ["Shared page", ["Same."]]],
    }


def test_draw(evals: ModuleType, home: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The full set becomes example files and a corpus: hard questions to learn from, the rest held out."""
    train = [row(f"train-{n}") for n in range(6)] + [row("simple", level="easy")]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(evals, "TRAIN", home.publish("train.json", json.dumps(train).encode()))
    monkeypatch.setattr(evals, "DEV", home.publish("dev.json", json.dumps([row("dev-0")]).encode()))
    pages = home.publish_wikipedia({"One": ["A first.", " A second."], "Empty": []})
    monkeypatch.setattr(evals, "WIKIPEDIA", pages)
    evals.main([str(tmp_path / "out"), "--train", "4", "--val", "2", "--test", "1"])

    drawn = {
        path.stem: [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        for path in (tmp_path / "out").iterdir()
    }
    assert [example["metadata"]["id"] for example in drawn["test"]] == ["dev-0"]
    assert drawn["test"][0]["outputs"]["facts"] == [{"title": "Page of dev-0", "sentence": "Second."}]
    learn = {example["metadata"]["id"] for example in drawn["train"] + drawn["val"]}
    assert learn == {f"train-{n}" for n in range(6)}
    assert len(drawn["corpus"]) == 8
    assert {"title": "Page of dev-0", "text": "First. Second."} in drawn["corpus"]

    evals.main([str(tmp_path / "out"), "--train", "4", "--val", "2", "--test", "1", "--wikipedia"])
    assert (tmp_path / "out" / "corpus.jsonl").read_text() == '{"title": "One", "text": "A first. A second."}\n'
