"""The official verifiers on replies whose verdict is known. Skipped where they are not installed."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import constraints
import pytest
from compliance import UNCONSTRAINED, WAYS, written

for package in constraints.PACKAGES:
    pytest.importorskip(package)
evaluation = pytest.importorskip("lighteval.tasks.tasks.ifbench.evaluation_lib")

SAMPLE = Path(__file__).parents[2] / "evals" / "data" / "ifbench"
EXAMPLES = [
    json.loads(line)
    for split in ("train", "val", "test")
    for line in (SAMPLE / f"{split}.jsonl").read_text("utf-8").splitlines()
]
IFBENCH = EXAMPLES[70:]
SAMPLE_OF = {
    constraint["id"]: (example["inputs"]["query"], constraint)
    for example in EXAMPLES
    for constraint in example["outputs"]["constraints"]
}
MET_UNASKED = {"keywords:forbidden_words"}  # a text that was not asked to may well not say a word
REPLIES = (
    UNCONSTRAINED,
    "Yes.",
    "* One\n  - two\n* Three\n  - four",
    "Sure:\n*one* two (three) [four]\n\nBye.",
    "level radar civic rotor kayak refer madam tenet stats solos",
    '"Every good answer, if short, stays brief"',
    "A bird can dance. Dance it does! Does it? No; yes: so.",
)


@pytest.fixture(autouse=True, scope="module")
def _offline() -> Iterator[None]:
    """NLTK finds its resources on this machine or not at all."""
    import nltk

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nltk, "download", lambda *_args, **_options: False)
        constraints.verifiers.cache_clear()
        yield
        constraints.verifiers.cache_clear()


def checked(constraint: dict[str, Any], query: str, reply: str) -> bool:
    verdict = constraints.judge(constraint, query, reply)
    if verdict.met is None:
        pytest.skip(verdict.reason)
    return verdict.met


def test_all_kinds() -> None:
    """IFBench's 58 kinds and IFEval's 25 are there, and the simulated model knows how to meet only such."""
    assert len(constraints.verifiers()) == 58 + 25
    assert constraints.verifiers().keys() > WAYS.keys()


@pytest.mark.parametrize("kind", sorted(SAMPLE_OF))
def test_known_replies(kind: str) -> None:
    """A reply written to meet a constraint meets it, and one that knows nothing of it does not."""
    query, constraint = SAMPLE_OF[kind]
    assert checked(constraint, query, written([constraint]))
    if kind not in MET_UNASKED:
        assert not checked(constraint, query, UNCONSTRAINED)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["metadata"]["id"])
def test_as_the_official_loose_evaluation(example: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Verdicts are those of the official evaluation, which both sets share, on 800 replies: 100 queries with 8 each."""
    benchmark = "ifbench" if example in IFBENCH else "ifeval"
    registry = importlib.import_module(f"{constraints.TASKS}.{benchmark}.instructions_registry")
    monkeypatch.setattr(evaluation, "instructions_registry", registry)
    query, given = example["inputs"]["query"], example["outputs"]["constraints"]
    for reply in (*REPLIES, written(given)):
        verdicts = [checked(constraint, query, reply) for constraint in given]
        official = evaluation.test_instruction_following_loose(
            evaluation.InputExample(0, [c["id"] for c in given], query, [dict(c["arguments"]) for c in given]),
            {query: reply},
        )
        assert verdicts == official.follow_instruction_list


def test_a_random_value_is_no_constraint() -> None:
    """A letter that IFEval's verifier replaces by one it draws leaves the constraint unchecked."""
    arguments = {"letter": "#", "let_relation": "at least", "let_frequency": 4}
    verdict = constraints.judge({"id": "keywords:letter_frequency", "arguments": arguments}, "?", "####")
    assert verdict.met is None
    assert "random value in place of letter" in verdict.reason


@pytest.mark.parametrize("reply", ["", "?!", "x", "😀", "[]{}()", '\r\n,\r"', "```json\n{}\n```"])
def test_odd_replies(reply: str) -> None:
    """Whatever a reply looks like, every constraint that is checked at all is met or missed."""
    for query, constraint in SAMPLE_OF.values():
        usable = constraints.judge(constraint, query, constraints.ORDINARY).met is not None
        assert not usable or constraints.judge(constraint, query, reply).met is not None
