"""Answers that a prompt learned by heart."""

from __future__ import annotations

import re
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_gepa.core.example import Example
from langgraph_gepa.report.memorization import CHARACTERS, WORDS, Copy, copies

ANSWER = "The parcel of Ms Gruber was left with the neighbour at number nine on Tuesday."
PROMPT = f"Answer the customer.\n\nFor example: {ANSWER} Be kind."


def example(answer: Any, id: str = "a", question: str = "Where is it?") -> Example:
    return Example(id, {"question": question}, {"answer": answer})


def test_a_copied_answer_is_quoted_with_its_example() -> None:
    """The module, the words as the new text has them, and where they are from."""
    other = example("It is on its way.", "b")
    found = copies({"router": "Route.", "writer": PROMPT}, ["Answer the customer."], [other, example(ANSWER)], [])
    assert found == (Copy("writer", ANSWER.rstrip("."), "a", "feedback"),)


@pytest.mark.parametrize(
    "answer",
    [
        "yes",
        "needs_human_review_before_shipping",
        "wrong_exchange_rate_applied needs_human_review",
        "東京都港区芝公園四丁目",
        "HumanReviewBeforeShippingRequest",
        "shop.refunds/create_partial_refund",
        "Change of address",
        "Ursula K. Le Guin",
        "2026-05-03",
        "2026-05-03T10:00",
        4711,
        ["refund", "replace", "readdress", "cancel", "escalate"],
        {"label": "billing", "tool": "find_order", "urgent": True, "confidence": 0.75},
    ],
)
def test_short_answers_labels_and_names_of_tools_are_no_copies(answer: Any) -> None:
    """A prompt has to name them, even those that only one example asks for."""
    words = ", ".join(map(str, answer.values() if isinstance(answer, dict) else answer)) if isinstance(
        answer, dict | list
    ) else str(answer)  # fmt: skip
    assert copies({"p": f"Say one of these: {words}. Nothing else."}, [], [example(answer)], []) == ()


@pytest.mark.parametrize(
    "answer",
    [
        "Llanfairpwllgwyngyllgogerychwyrndrobwll",
        "T-2026-00048171",
        "9f86d081884c7d659a2feaa0c55ad015",
        9780441478125,
        "Rechtsschutzversicherung zahlt Verfahrenskosten",
        "one two three four five six seven eight",
        "東京都港区芝公園四丁目二番八号",
    ],
)
def test_one_rare_word_or_a_short_sentence_is_enough(answer: Any) -> None:
    """A long word that is no name, a long number, eight words, forty characters, sixteen ideographs."""
    answer = answer + "東京タワー" if "東京" in str(answer) else answer
    (found,) = copies({"p": f"Say {answer} then."}, [], [example(answer)], [])
    assert found.quote == str(answer)


def test_what_was_there_before_is_no_copy() -> None:
    """The user's own text, of this module or another, may well agree with an answer."""
    assert copies({"p": PROMPT}, ["Be brief.", ANSWER], [example(ANSWER)], []) == ()


def test_what_two_examples_share_is_no_copy_of_either() -> None:
    """A signature, a policy or a label belongs into a prompt; what only one of them goes on to say does not."""
    shared = "Refunds end thirty days after the parcel was delivered to the customer"
    own = "so order seventeen comes too late by four whole days"
    both = [example(shared, "a"), example(f"{shared}, {own}.", "b")]
    assert copies({"p": f"{shared}."}, [], both, []) == ()
    (found,) = copies({"p": f"{shared}, {own}."}, [], both, [])
    assert (found.example, found.quote.endswith(own)) == ("b", True)


def test_the_pareto_set_is_named_where_an_example_is_in_both() -> None:
    """It is one example under either id, and the copy has raised the score that decides."""
    found = copies({"p": PROMPT}, [], [example(ANSWER, "train")], [example(ANSWER, "val")])
    assert [(one.example, one.subset) for one in found] == [("val", "pareto")]


def test_copies_are_listed_by_module_and_example_in_order() -> None:
    """By module, then by place; answers are found however deep they are nested, keys of mappings are none."""
    facts = "Corliss Archer was played by Shirley Temple in the film of that name"
    nested = Example("n", {}, {"facts": [{"title": "x", "sentence": facts}], f"{ANSWER} key": 1})
    texts = {"late": f"{facts}; {ANSWER}", "early": ANSWER}
    found = copies(texts, [], [example(ANSWER)], [nested])
    assert [(one.module, one.example) for one in found] == [("late", "n"), ("late", "a"), ("early", "a")]
    assert copies({"p": f"{ANSWER} key"}, [], [], [nested]) == ()


def test_without_reference_outputs_nothing_is_copied() -> None:
    """Examples may have none."""
    assert copies({"p": PROMPT}, [], [Example("a", {"question": ANSWER})], []) == ()


words = st.text(st.characters(codec="ascii", categories=("Ll", "Nd")), min_size=1, max_size=12)
vocabulary = st.lists(words, min_size=1, max_size=30)
gaps = st.lists(st.sampled_from([" ", "\n", "  ", "\t", ", ", " - ", ".\n\n"]), min_size=1)


def written(words: list[str], gaps: list[str], salt: int) -> str:
    """The words with those gaps between them, each in a case of its own."""
    cases = [str.lower, str.upper, str.title]
    return "".join(Random(salt + n).choice(cases)(word) + gaps[n % len(gaps)] for n, word in enumerate(words))


def counts(words: list[str]) -> bool:
    return len(words) >= WORDS or (len(words) >= 3 and len(" ".join(words)) >= CHARACTERS)


@given(vocabulary.filter(counts), vocabulary, vocabulary, gaps, gaps, st.integers(0, 99))
def test_every_planted_copy_is_found(
    answer: list[str], head: list[str], tail: list[str], gaps: list[str], other: list[str], salt: int
) -> None:
    """Whatever stands around it, in whatever case and with whatever spaces; every quote is of the text."""
    text = "\n".join(("x".join(["", *head]), written(answer, gaps, salt), " ".join(tail)))
    others = [example(" ".join(f"{word}z" for word in tail), "b")]
    found = copies({"p": text}, [], [example(written(answer, other, salt + 1)), *others], [])
    assert "a" in {one.example for one in found}
    for one in found:
        assert one.quote in text
        words = re.findall(r"\w+", one.quote.lower())
        assert counts(words) or len(max(words, key=len)) >= 12


@given(
    st.lists(st.lists(st.sampled_from(["alpha", "beta", "gamma", "delta"]), min_size=1, max_size=6), max_size=8), gaps
)
def test_short_pieces_in_common_are_no_copy(pieces: list[list[str]], gaps: list[str]) -> None:
    """Any number of pieces below both limits, in the same order, with other words between them."""
    short = [" ".join(piece)[: CHARACTERS - 1].rsplit(" ", 1)[0] for piece in pieces]
    text = gaps[0].join(f"{piece}{gaps[-1]}ours{n}" for n, piece in enumerate(short))
    answer = " ".join(f"{piece} theirs{n}" for n, piece in enumerate(short))
    assert copies({"p": text}, [], [example(answer)], [example(answer, "b")]) == ()


@given(st.text(), st.text(), st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
def test_any_text_and_any_answer_can_be_compared(text: str, before: str, answer: Any) -> None:
    """Nothing raises, and every quote is of the text."""
    for one in copies({"p": text}, [before], [example([answer, text])], [example(answer, "b")]):
        assert one.quote in text


@pytest.mark.parametrize("piece", ["a", "a ", "a-", "-", "東", "one two three four five six seven eight ", "\n"])
def test_time_grows_with_the_length_only(piece: str) -> None:
    """Long texts that agree in everything take no more than a moment; by every pair of places it would be hours."""
    text = piece * (50_000 // len(piece))
    assert len(copies({"p": text}, [], [example(text)], [example(text + "b")])) <= 1
