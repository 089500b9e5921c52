from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sources import read_lines

from langgraph_gepa.errors import ExampleError

EVALS = Path(__file__).parents[2] / "evals"
GOLD = {"titles": ["Tim Kaine", "Stronger Together (book)", "Élan Vital"]}


@pytest.fixture(scope="module")
def evals() -> ModuleType:
    spec = importlib.util.spec_from_file_location("evals_hover", EVALS / "hover.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def final(*hops: str, **changes: Any) -> dict[str, Any]:
    """A final state in which each hop found the pages named, split at `;`."""
    found = [[f"{title} | A page." for title in hop.split(";")] for hop in (*hops, "", "", "")[:3]]
    return {f"passages{n}": passages for n, passages in enumerate(found, 1)} | changes


@pytest.mark.parametrize(
    ("hops", "score"),
    [
        (("Tim Kaine;Stronger Together (book);Élan Vital",), 1),
        (("Tim Kaine", "Stronger Together (book)", "Élan Vital"), 1),
        (("Other", "Other", "Élan Vital;Tim Kaine;Stronger Together (book)"), 1),
        (("tim kaine", "The Stronger Together book", "E\u0301lan Vital"), 1),
        (("Tim Kaine", "Stronger Together (book)"), 0),
        (("Tim Kaine", "Stronger Together", "Élan Vital"), 0),
        (("Tim Kaine Stronger Together (book)", "Élan Vital"), 0),
        ((), 0),
    ],
)
def test_score(evals: ModuleType, hops: tuple[str, ...], score: float) -> None:
    """All gold pages must be found by some hop; case, punctuation, articles and composed characters do not count."""
    assert evals.metric(final(*hops), GOLD).score == score


def test_a_page_that_others_only_mention_is_not_found(evals: ModuleType) -> None:
    """What counts is a passage's own title, not what its text says."""
    assert evals.metric({"passages1": ["Senate | Tim Kaine is a senator."]}, {"titles": ["Tim Kaine"]}).score == 0


def test_comment_names_what_each_hop_found(evals: ModuleType) -> None:
    """The comment names, for each hop, the gold pages found by then and those still missing."""
    comment = evals.metric(final("Élan Vital", "Other", "Tim Kaine"), GOLD).comment
    first, second, third = comment.split("; ")
    assert first.endswith("found 'Élan Vital', missing 'Tim Kaine', 'Stronger Together (book)'")
    assert second.endswith("found 'Élan Vital', missing 'Tim Kaine', 'Stronger Together (book)'")
    assert third.endswith("found 'Tim Kaine', 'Élan Vital', missing 'Stronger Together (book)'.")


@pytest.mark.parametrize(
    ("state", "module", "words"),
    [
        (final("Other", "Tim Kaine"), "create_query_hop2", "found the missing page 'Tim Kaine'"),
        (final("Other", "Tim Kaine"), "summarize1", "Later queries found 'Tim Kaine'"),
        (final("Other", "Tim Kaine"), "create_query_hop3", "every page had been found"),
        (final("Tim Kaine"), "summarize1", "Nothing was left to find"),
        (final(query2="who is Tim Kaine exactly"), "create_query_hop2", "too many other words"),
        (final(query2="who", summary1="Tim Kaine."), "create_query_hop2", "the summary names it, the query does not"),
        (final(query2="who", summary1="He ran."), "create_query_hop2", "the summary does not name it"),
        (final(query3="who", summary2="Tim Kaine."), "create_query_hop3", "the summary names it, the query does not"),
        (final(query3="who", summary1="Tim Kaine."), "create_query_hop3", "the summary names it, the query does not"),
        (final(passages2=["A | Tim Kaine ran."]), "summarize2", "left out the name 'Tim Kaine'"),
        (final(passages2=["A | It rained."]), "summarize2", "do not name 'Tim Kaine'"),
        (final(summary2="Tim Kaine ran."), "summarize2", "names 'Tim Kaine', and no later query found it"),
    ],
)
def test_feedback_by_module(evals: ModuleType, state: dict[str, Any], module: str, words: str) -> None:
    """Each prompt's feedback says what became of the pages that were missing when it was used."""
    assert words in evals.metric(state, {"titles": ["Tim Kaine"]}).by_module[module]


def test_a_graph_that_stopped_half_way(evals: ModuleType) -> None:
    """A final state that lacks what later nodes write is scored, not an error."""
    assert evals.metric({"claim": "?"}, GOLD).score == 0
    assert evals.metric(None, GOLD).score == 0


def test_sample(evals: ModuleType) -> None:
    """The shipped splits share no claim and no HoVer page, and the passages hold every page that is needed."""
    splits = [evals.trainset(), evals.valset(), evals.testset()]
    examples = [example for split in splits for example in split]
    assert [len(split) for split in splits] == [21, 15, 18]
    assert len({example["inputs"]["claim"] for example in examples}) == len(examples)
    pages = [
        {title for e in split if e["metadata"]["source"] == "hover" for title in e["outputs"]["titles"]}
        for split in splits
    ]
    assert sum(map(len, pages)) == len(set().union(*pages))
    corpus = read_lines(EVALS / "data/hotpotqa/corpus.jsonl") + read_lines(evals.SAMPLE / "passages.jsonl")
    titles = {row["title"] for row in corpus}
    assert len(titles) == len(corpus)
    assert all(set(example["outputs"]["titles"]) <= titles for example in examples)


def row(name: str, pages: int = 3, question: str | None = None) -> dict[str, Any]:
    facts = [[f"Page {n} of {name}", i] for n in range(pages) for i in (0, 1)]
    label = {"label": "SUPPORTED", "num_hops": pages, "hpqa_id": question or name}
    return {"uid": name, "claim": f"{name} is so.", "supporting_facts": facts, **label}


def test_draw(evals: ModuleType, home: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The full set becomes example files of three-page claims, no two from one question, and their pages' corpus."""
    rows = [row(f"claim-{n}") for n in range(5)] + [row("simple", pages=2), row("variant", question="claim-0")]
    pages = {
        f"Page {n} of {claim}": ["Text."] for n in range(3) for claim in ("variant", *map("claim-{}".format, range(5)))
    }
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(evals, "TRAIN", home.publish("train.json", json.dumps(rows).encode()))
    monkeypatch.setattr(evals, "WIKIPEDIA", home.publish_wikipedia(pages | {"Other": ["Text."]}))
    sizes = ["--train", "2", "--val", "1", "--test", "2"]
    evals.main([str(tmp_path / "out"), *sizes, "--share", "0"])

    drawn = {path.stem: read_lines(path) for path in (tmp_path / "out").iterdir()}
    assert [len(drawn[split]) for split in ("train", "val", "test")] == [2, 1, 2]
    examples = [example for split in ("train", "val", "test") for example in drawn[split]]
    names = {example["metadata"]["id"] for example in examples}
    assert len(names) == 5
    assert {name.replace("variant", "claim-0") for name in names} == {f"claim-{n}" for n in range(5)}
    needed = {title for example in examples for title in example["outputs"]["titles"]}
    assert {page["title"] for page in drawn["corpus"]} == needed

    evals.main([str(tmp_path / "out"), *sizes])
    assert {page["title"] for page in read_lines(tmp_path / "out" / "corpus.jsonl")} == {*pages, "Other"}

    with pytest.raises(ExampleError, match="5 claims to draw from; 650 were asked for"):
        evals.main([str(tmp_path / "out"), "--train", "50"])
