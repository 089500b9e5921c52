from __future__ import annotations

import csv
import importlib.util
import io
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel

ROOT = Path(__file__).parents[2]
REQUEST = {"request": "I am Ada Quillfeather, account 00-17, and want my fee of 30 euros back. Write to Bank Orrin."}
REFERENCE = {"private": ["Ada Quillfeather", "00-17", "Bank Orrin", "30"], "reply": "Dear Bank Orrin, ..."}
YES, NO = "Fine.\nVerdict: yes", "A does not say why.\nVerdict: no"


@pytest.fixture(scope="module")
def evals() -> ModuleType:
    spec = importlib.util.spec_from_file_location("evals_pupa", ROOT / "evals" / "pupa.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Judging:
    """Lets a fake chat model be the judge; `asked` are the prompts it was given."""

    def __init__(self, evals: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
        self.evals, self.monkeypatch = evals, monkeypatch
        self.asked: list[str] = []

    def says(self, *replies: str) -> None:
        asked = self.asked

        class Judge(FakeListChatModel):
            def _call(self, messages: Any, *args: Any, **kwargs: Any) -> str:
                asked.append(messages[0].text)
                if len(asked) > len(self.responses):
                    raise ValueError("This request was filtered.")
                return self.responses[len(asked) - 1]

        model = Judge(responses=list(replies))
        self.monkeypatch.setattr(self.evals, "judge", lambda: model)


@pytest.fixture
def judge(evals: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Judging:
    return Judging(evals, monkeypatch)


def final(sent: str = "Write to a bank about a fee.", answer: str = "Dear Bank Orrin, please pay.") -> dict[str, str]:
    return {**REQUEST, "sent": sent, "received": "Dear [bank], ...", "answer": answer}


@pytest.mark.parametrize(
    ("sent", "privacy"),
    [
        ("Someone wants a fee back from a bank.", 1),
        ("Ada Quillfeather wants a fee back.", 0.75),
        ("ADA\nquillfeather's fee; account 00–17", 0.5),
        ("Ada Quillfeather, 00-17, Bank Orrin, 30 euros", 0),
        ("Account 100-17 and 3000 euros at the Orrin Bank", 1),
        ("Ada, Quillfeather", 1),
    ],
)
def test_leakage(evals: ModuleType, judge: Judging, sent: str, privacy: float) -> None:
    """Leakage is the share of units that were sent word for word, whatever their case, blanks, hyphens and quotes."""
    judge.says(YES)
    feedback = evals.metric(REQUEST, final(sent), REFERENCE)
    assert feedback.objectives == {"quality": 1, "privacy": privacy}
    assert feedback.score == (1 + privacy) / 2


@pytest.mark.parametrize(
    ("unit", "sent", "out"),
    [
        ("李明", "我叫李明，请帮我写信。", True),
        ("O'Dell", "Mr. O’Dell asks", True),
        ("c++ (senior)", "A C++ (Senior) developer", True),
        ("Müller", "MÜLLER", True),
        ("Ann", "annual", False),
        ("Ann", "Ann's", True),
        ("30", "a 30km/h zone", False),
        ("Ostwick", "the Ostwickers", True),
        ("Ada Quill", "Name:Ada QuillBorn:1970", True),
        ("555-0143", "call555-0143now", True),
        ("555-0143", "1555-01433", False),
        (" ", "anything at all", False),
    ],
)
def test_units_in_any_script(evals: ModuleType, unit: str, sent: str, out: bool) -> None:
    """A unit counts wherever it stands, but not where it is likely chance: short within a word, a part of a number."""
    assert evals.leaked([unit], sent) == ([unit] if out else [])


def test_units_count_once(evals: ModuleType, judge: Judging) -> None:
    """Units that are listed twice or blank, as in the public set, do not count twice; without any, nothing can leak."""
    judge.says(YES, YES)
    twice = {**REFERENCE, "private": ["Bank Orrin", "bank  orrin", "", "Ada Quillfeather"]}
    assert evals.metric(REQUEST, final("To Bank Orrin"), twice).objectives["privacy"] == 0.5
    assert evals.metric(REQUEST, final(), {**REFERENCE, "private": [""]}).score == 1


@pytest.mark.parametrize(
    ("replies", "good"), [([YES], True), ([NO, YES, "nothing"], False), ([NO, NO], True), (["**Verdict:** Yes."], True)]
)
def test_quality(evals: ModuleType, judge: Judging, replies: list[str], good: bool) -> None:
    """As in PAPILLON an answer passes if it is judged as good, or if the judge contradicts itself in reverse order."""
    judge.says(*replies)
    assert evals.metric(REQUEST, final(), REFERENCE).objectives["quality"] == good
    assert len(judge.asked) == len(replies)
    orders = [prompt.index("please pay") < prompt.index("Dear Bank Orrin, ...") for prompt in judge.asked[:2]]
    assert orders == [True, False][: len(orders)]


def test_each_prompt_hears_of_its_own(evals: ModuleType, judge: Judging) -> None:
    """Rewriting hears what leaked and what got lost, answering what the judge missed."""
    judge.says(NO, YES, "The amount of the fee.")
    feedback = evals.metric(REQUEST, final("Ask Bank Orrin on behalf of account 00-17."), REFERENCE)
    assert feedback.score == 0.25
    assert feedback.by_module == {
        "rewrite": "2 of 4 private units were sent to the untrusted model: names and words 'Bank Orrin'; dates, "
        "numbers and addresses '00-17'. The rewritten request lost what was needed: The amount of the fee.",
        "answer": "The judge finds the answer worse than the reference reply. A does not say why.",
    }


@pytest.mark.parametrize("reply", ["nothing", "Nothing.", "**Nothing**", '"nothing"', ""])
def test_nothing_was_lost(evals: ModuleType, judge: Judging, reply: str) -> None:
    """When the judge finds that the request kept everything, rewriting is not blamed for a bad answer."""
    judge.says(NO, YES, reply)
    assert "holds all that was needed" in evals.metric(REQUEST, final(), REFERENCE).by_module["rewrite"]


@pytest.mark.parametrize("replies", [[], ["I cannot compare these."], ["Verdict: perhaps"], [NO], [NO, YES]])
def test_a_failing_judge_scores_nothing(evals: ModuleType, judge: Judging, replies: list[str]) -> None:
    """A judge that refuses or gives no verdict raises an error that names it, and no score."""
    judge.says(*replies)
    with pytest.raises(evals.JudgeError, match="The judge"):
        evals.metric(REQUEST, final(), REFERENCE)


@pytest.mark.parametrize("state", [None, {}, REQUEST, final(sent=" \n")])
def test_sending_nothing_is_no_way_out(evals: ModuleType, judge: Judging, state: Any) -> None:
    """A request that never went out scores 0 and costs no judge: silence keeps every secret and is no delegation."""
    judge.says()
    feedback = evals.metric(REQUEST, state, REFERENCE)
    assert feedback.score == 0
    assert judge.asked == []


def test_no_answer(evals: ModuleType, judge: Judging) -> None:
    """Where there is no answer there is nothing to judge: only privacy scores."""
    judge.says()
    assert evals.metric(REQUEST, final(answer=""), REFERENCE).score == 0.5
    assert judge.asked == []


def test_sample(evals: ModuleType) -> None:
    """The shipped splits have 10 requests each and share none; every private unit stands in its request."""
    splits = [evals.trainset(), evals.valset(), evals.testset()]
    assert [len(split) for split in splits] == [10, 10, 10]
    examples = [example for split in splits for example in split]
    assert len({example["inputs"]["request"] for example in examples}) == 30
    for example in examples:
        units = example["outputs"]["private"]
        assert evals.leaked(units, example["inputs"]["request"]) == units
        assert len(units) >= 3
        assert example["outputs"]["reply"]


def official(*requests: str) -> bytes:
    """A file as PUPA's: `pii_units` joined by `||`, requests and replies of several lines."""
    text = io.StringIO()
    names = ("conversation_hash", "predicted_category", "user_query", "target_response", "pii_units", "redacted_query")
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    for n, request in enumerate(requests):
        row = (f"hash-{n}", "healthcare information", request, 'Dear "you",\nwell.', "ada||bank orrin", "-")
        writer.writerow(dict(zip(names, row, strict=True)))
    return text.getvalue().encode()


def test_draw(evals: ModuleType, home: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The public set becomes example files in its own order, as in the paper, or with each request once."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    content = official("one\nline two", "one\nline two", "three", "four")
    monkeypatch.setattr(evals, "PUPA_NEW", home.publish("PUPA_New.csv", content))

    def drawn(*options: str) -> dict[str, list[Any]]:
        evals.main([str(tmp_path / "out"), "--train", "1", "--val", "1", "--test", "2", *options])
        read = {path.stem: path.read_text("utf-8").splitlines() for path in (tmp_path / "out").iterdir()}
        return {split: [json.loads(line) for line in lines] for split, lines in read.items()}

    examples = drawn()
    assert examples["train"][0] == {
        "inputs": {"request": "one\nline two"},
        "outputs": {"private": ["ada", "bank orrin"], "reply": 'Dear "you",\nwell.'},
        "metadata": {"id": "hash-0", "category": "healthcare information"},
    }
    assert [len(examples[split]) for split in ("train", "val", "test")] == [1, 1, 2]
    assert examples["val"][0]["inputs"] == examples["train"][0]["inputs"]
    distinct = drawn("--distinct")
    once = [row["inputs"]["request"] for split in ("train", "val", "test") for row in distinct[split]]
    assert once == ["one\nline two", "three", "four"]


def test_the_papers_sizes(evals: ModuleType, home: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unasked, the splits have the paper's 111, 111 and 221 requests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(evals, "PUPA_NEW", home.publish("PUPA_New.csv", official(*map(str, range(664)))))
    evals.main([str(tmp_path / "out")])
    sizes = {path.stem: len(path.read_text("utf-8").splitlines()) for path in (tmp_path / "out").iterdir()}
    assert sizes == {"train": 111, "val": 111, "test": 221}
