"""What is made of verifiers, official or not; the official ones are met in `test_official_verifiers.py`."""

from __future__ import annotations

import sys
from typing import Any

import constraints
import pytest
from constraints import ORDINARY, judge, variants

from langgraph_gepa.errors import UsageError


class Named:
    """A verifier of the official shape: the reply must name `word`; one too short is replaced by `random`."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def build_description(self, *, word: str | None = None, prompt: str | None = None) -> str:
        self.word = word if word and len(word) > 1 else "random"
        return f"Name {self.word}."

    def get_instruction_args(self) -> dict[str, Any]:
        return {"word": self.word}

    def check_following(self, value: str) -> bool:
        return self.word in value


class Stumbling(Named):
    """A verifier that counts on a second word."""

    def check_following(self, value: str) -> bool:
        return value.split()[1] == self.word


class Broken(Named):
    def check_following(self, value: str) -> bool:
        raise LookupError("Resource punkt_tab not found.")


class Asking(Named):
    """A verifier that wants to see the query."""

    def build_description(self, *, word: str | None = None, prompt: str | None = None) -> str:
        self.word = prompt or "nothing"
        return f"Repeat {self.word}."

    def get_instruction_args(self) -> dict[str, Any]:
        return {"prompt": self.word}


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {"named": Named, "stumbling": Stumbling, "broken": Broken, "asking": Asking}
    monkeypatch.setattr(constraints, "verifiers", lambda: kinds)


def verdict(kind: str, reply: str, **arguments: Any) -> constraints.Verdict:
    return judge({"id": kind, "arguments": arguments}, "Which bird?", reply)


@pytest.mark.usefixtures("known")
def test_met_and_missed() -> None:
    """A verdict holds the official words for the constraint, whether it is met or missed."""
    assert verdict("named", "A wren.", word="wren") == constraints.Verdict("Name wren.", met=True)
    assert verdict("named", "A robin.", word="wren") == constraints.Verdict("Name wren.", met=False)
    assert verdict("asking", "Which bird? A wren.").met


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(
    ("kind", "arguments", "reason"),
    [
        ("unheard:of", {}, "no official verifier knows this kind"),
        ("named", {"word": "x"}, "random value in place of word"),
        ("named", {}, "random value in place of word"),
        ("named", {"words": 3}, "failed: TypeError"),
        ("broken", {"word": "wren"}, "python -m nltk.downloader punkt_tab"),
    ],
)
def test_unchecked(kind: str, arguments: dict[str, Any], reason: str) -> None:
    """What no verifier can check as it stands in the example is neither met nor missed, and the reason is given."""
    found = verdict(kind, "A wren, random or not.", **arguments)
    assert found.met is None
    assert kind in found.words
    assert reason in found.reason


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("reply", ["", "  \n ", "?", "one"])
def test_a_reply_that_the_verifier_stumbles_over(reply: str) -> None:
    """A verifier that fails on this reply, and not on an ordinary one, has found nothing that meets the constraint."""
    assert verdict("stumbling", reply, word="sing").met is False
    assert verdict("stumbling", ORDINARY, word="sing").met is True


def test_loose() -> None:
    """The loose evaluation forgives a first line, a last line and asterisks, in every combination."""
    assert list(variants("Sure:\n*a*\nb\nBye")) == [
        *("Sure:\n*a*\nb\nBye", "Sure:\na\nb\nBye"),
        *("*a*\nb\nBye", "a\nb\nBye"),
        *("Sure:\n*a*\nb", "Sure:\na\nb"),
        *("*a*\nb", "a\nb"),
    ]


def test_packages_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a package is missing, the error names it and the commands that install what is needed."""
    first = constraints.PACKAGES[0]
    monkeypatch.setitem(sys.modules, first, None)
    constraints.verifiers.cache_clear()
    with pytest.raises(UsageError, match=rf"{first}.*--no-deps lighteval==.* && python -m nltk\.downloader punkt_tab"):
        constraints.verifiers()
