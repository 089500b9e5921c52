"""How candidates came about, read from the journal."""

from __future__ import annotations

from typing import Any

from langgraph_gepa.report.story import Stories, prose

REPLY = "It never looks first.\n\n`````\nLook first.\n```\ncode\n```\n`````\nThat is all."


def test_reasoning_is_the_reply_without_the_text_in_the_fence() -> None:
    """Fences inside the text belong to it."""
    assert prose(REPLY) == "It never looks first.\n\n[a text in a fence]\nThat is all."


def test_a_candidate_has_its_parent_its_records_and_the_reasoning(finished: Any) -> None:
    """Of a mutation: what changed, the parent's rollouts that its reflection saw, and what the model wrote."""
    stories = Stories(finished.journal, load_reply=lambda _: REPLY, load_rollout=finished.rollouts.get)
    child = next(c for c in finished.pool.candidates if c.origin == "mutation")
    story = stories.of_candidate(child.id)
    assert story is not None
    assert story.parent == child.parents[0]
    (changes,) = story.children
    assert [c.module for c in changes if c.before != c.after] == [one.module for one in story.reasoning]
    assert {c.module: c.after for c in changes} == dict(child.texts)
    assert len(story.records) == 3
    assert all(finished.rollouts[record.ledger].example == record.example for record in story.records)
    assert all(record.comment for record in story.records)


def test_the_seed_and_a_merge_have_no_reflection(finished: Any) -> None:
    """Their stories are their texts: the seed's as they are, a merge's beside those of its first parent."""
    stories = Stories(finished.journal, load_reply=lambda _: REPLY)
    seed, merge = (stories.of_candidate(next(c.id for c in finished.pool.candidates if c.origin == origin))
                   for origin in ("seed", "merge"))  # fmt: skip
    assert seed is not None
    assert merge is not None
    assert all(change.before == change.after for change in seed.children[0])
    assert any(change.before != change.after for change in merge.children[0])
    assert (seed.records, seed.reasoning, merge.records, merge.reasoning) == ((), (), (), ())


def test_what_is_not_there_has_no_story(finished: Any) -> None:
    """Numbers that no candidate or iteration has."""
    assert Stories(finished.journal).of_candidate(10_000) is None
    assert Stories(finished.journal).of_iteration(10_000) is None
