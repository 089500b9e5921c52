"""The demo's data: tickets, shop and house rules fit together."""

from __future__ import annotations

from collections import Counter

import pytest

from langgraph_gepa.demo import helpdesk
from langgraph_gepa.demo.lessons import VAGUE, Lesson, covered, overdone
from langgraph_gepa.demo.policy import HANDLING, LESSONS, ROUTING, WRITING
from langgraph_gepa.demo.shop import ShopError, open_shop
from langgraph_gepa.demo.tickets import SPLITS, Split, tickets

ALL = [ticket for split in SPLITS for ticket in tickets(split)]
BY_MODULE = (ROUTING, HANDLING, WRITING)


def test_splits_share_no_ticket() -> None:
    """72 tickets, 24 a split, no wording twice: the held-out test is held out."""
    assert [len(tickets(split)) for split in SPLITS] == [24, 24, 24]
    assert len({ticket["inputs"]["ticket"] for ticket in ALL}) == 72


@pytest.mark.parametrize("split", SPLITS)
def test_every_lesson_can_be_learnt_and_is_tested(split: Split) -> None:
    """Each lesson turns up in every split, and a ticket turns on one to six of them."""
    named = Counter(lesson for ticket in tickets(split) for lesson in ticket["metadata"]["lessons"])
    assert set(named) == {lesson.name for lesson in LESSONS}
    assert all(1 <= len(ticket["metadata"]["lessons"]) <= 6 for ticket in tickets(split))


def test_references_can_be_reached_in_the_shop() -> None:
    """Every change a reference asks for is one the shop accepts."""
    for ticket in ALL:
        with open_shop() as shop:
            for change in ticket["outputs"]["changes"]:
                match change["action"]:
                    case "refund":
                        shop.refund(change["order"], float(change["detail"]))
                    case "replace":
                        shop.replace(change["order"], change["detail"])
                    case "readdress":
                        shop.readdress(change["order"], change["detail"])
                    case "cancel":
                        shop.cancel(change["order"])
                    case "escalate":
                        shop.escalate("")
            assert shop.changes == ticket["outputs"]["changes"]


def test_what_a_ticket_means_is_in_its_words() -> None:
    """The simulated model's key holds nothing that a reader of the ticket could not know."""
    for ticket in ALL:
        words, meaning, kind = ticket["inputs"]["ticket"], ticket["metadata"]["meaning"], ticket["metadata"]["kind"]
        assert all(meaning[part] in words for part in ("order", "address") if part in meaning)
        assert meaning.get("threat", False) == (kind == "threat")
        assert ("order" not in meaning) == (kind in ("find", "stock"))


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_phrasings_say_their_lesson_and_no_other(lesson: Lesson) -> None:
    """A phrasing covers its lesson alone in its module, nothing vague covers any, and only overreach goes too far."""
    module = next(lessons for lessons in BY_MODULE if lesson in lessons)
    assert all(covered(text, module) == {lesson.name} for text in lesson.phrasings)
    assert not any(overdone(text, module) for text in lesson.phrasings)
    assert not any(covered(text, module) for text in VAGUE)
    assert overdone(lesson.overreach, module) <= {lesson.name}
    assert bool(lesson.overreach) == bool(overdone(lesson.overreach, module))


def test_first_drafts_state_no_lesson() -> None:
    """The demo's prompts leave all of it to be learnt."""
    drafts = (helpdesk.ROUTER_PROMPT, helpdesk.AGENT_PROMPT, helpdesk.WRITER_PROMPT)
    assert not any(covered(text, lessons) for text, lessons in zip(drafts, BY_MODULE, strict=True))


def test_shops_are_private() -> None:
    """What happens in one opening is unknown to the next."""
    with open_shop() as first, open_shop() as second:
        first.cancel("T2053")
        assert first.order("T2053")["status"] == "cancelled"
        assert second.order("T2053")["status"] != "cancelled"
        assert second.changes == []


def test_a_shop_refuses_what_cannot_be() -> None:
    """Unknown orders, products out of stock and refunds above the price are errors, and change nothing."""
    with open_shop() as shop:
        for impossible in (
            lambda: shop.cancel("T1"),
            lambda: shop.customer("C0"),
            lambda: shop.stock("Moon boots"),
            lambda: shop.replace("T2053", "Ember stove"),
            lambda: shop.refund("T2053", 10_000),
        ):
            with pytest.raises(ShopError):
                impossible()
        assert shop.changes == []
