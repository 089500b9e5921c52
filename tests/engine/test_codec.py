"""Events, rollouts and replies survive the way to disk and back."""

import json
from contextlib import suppress
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from langgraph_gepa.core import events as ev
from langgraph_gepa.core.candidate import Candidate
from langgraph_gepa.core.rollout import Call, Feedback, Rollout, Usage
from langgraph_gepa.engine.codec import dump, load, load_event
from langgraph_gepa.engine.ports import Reply
from langgraph_gepa.errors import RunError
from langgraph_gepa.testing import JOURNAL, PAID


def _paired(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


# Every code point, NUL and lone surrogates included; two surrogates that make a pair are one character.
texts = st.text(st.characters(codec=None)).map(_paired)
floats = st.floats(allow_nan=False)
ids = st.integers(min_value=0)
names = st.lists(texts, max_size=3).map(tuple)
scores = st.lists(floats, max_size=3).map(tuple)
by_name = st.dictionaries(texts, texts, max_size=3)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | floats | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
usages = st.builds(Usage, ids, ids, st.none() | floats)
candidates = st.builds(Candidate, ids, by_name, st.lists(ids, max_size=2).map(tuple), st.none() | ids)
subsets: SearchStrategy[ev.Subset] = st.sampled_from(["feedback", "pareto", "gate", "test"])
causes: SearchStrategy[ev.Cause | None] = st.none() | st.sampled_from(get_args(ev.Cause))
outcomes: SearchStrategy[ev.Outcome] = st.sampled_from(["accepted", "rejected", "skipped", "failed"])
events: SearchStrategy[ev.Event] = st.one_of(
    st.builds(ev.RunStarted, by_name, names, names, names),
    st.builds(ev.IterationStarted, ids, st.lists(ids).map(tuple), names, st.none() | ids, st.none() | by_name),
    st.builds(ev.ModulesChosen, ids, ids, names),
    st.builds(ev.RolloutFinished, ids, texts, texts, subsets, floats, usages, floats, texts, st.none() | texts),
    st.builds(ev.ReflectionFinished, ids, texts, usages, floats, texts),
    st.builds(ev.OpinionFinished, ids, usages, floats, texts),
    st.builds(ev.CandidateAdmitted, ids, candidates),
    st.builds(ev.IterationFinished, ids, outcomes, texts, scores, scores, causes, st.none() | ids),
    st.builds(ev.RunFinished, texts),
)
feedbacks = st.builds(Feedback, floats, texts, by_name, st.dictionaries(texts, floats, max_size=3))
kinds = st.sampled_from(["model", "tool", "retrieval"])
calls = st.builds(Call, kinds, texts, texts, plain, plain, st.none() | texts, usages, floats, names)
rollouts = st.builds(
    Rollout, texts, plain, feedbacks, st.lists(calls, max_size=3).map(tuple), usages, floats, st.none() | texts
)


@given(events)
def test_an_event_comes_back_equal(event: ev.Event) -> None:
    """`load_event(dump(event)) == event`, tuples as tuples, whatever the texts hold."""
    assert load_event(dump(event)) == event


@given(rollouts)
def test_a_rollout_comes_back_equal(rollout: Rollout) -> None:
    """A stored rollout is the rollout, its calls and nested JSON included."""
    back = load(Rollout, dump(rollout))
    assert back == rollout
    assert isinstance(back.calls, tuple)


@given(texts, usages, floats)
def test_a_reply_comes_back_equal(text: str, usage: Usage, seconds: float) -> None:
    """A stored reply of the reflection model is the reply."""
    reply = Reply(text, usage, seconds)
    assert load(Reply, dump(reply)) == reply


def test_every_type_of_event_has_its_case() -> None:
    """The shared journal, and so the contract of stores, knows every type of event there is."""
    assert {type(event) for event in JOURNAL} == set(ev.Event.__args__)
    assert [load_event(dump(event)) for event in JOURNAL] == list(JOURNAL)


def test_the_text_is_ascii_json_that_names_its_type() -> None:
    """Whatever is inside, the text can be put in any file or database, and says what it is."""
    text = dump(PAID)
    assert text.isascii()
    assert "\0" not in text
    assert json.loads(text)["type"] == "Rollout"


def test_what_is_no_json_is_written_as_its_repr() -> None:
    """A rollout that was paid for is kept, even with an object in its outputs."""
    rollout = Rollout("a", {"tags": {"x"}, "odd": 1j, "pair": (1, 2)}, Feedback(1.0))
    assert load(Rollout, dump(rollout)).outputs == {"tags": "{'x'}", "odd": "1j", "pair": [1, 2]}


def test_numbers_that_are_none_come_back_as_they_are() -> None:
    """NaN and the infinities are kept, not turned into null."""
    rollout = load(Rollout, dump(Rollout("a", [float("nan"), float("-inf")], Feedback(float("inf")))))
    assert repr(rollout.outputs) == "[nan, -inf]"
    assert rollout.score == float("inf")


FINISHED = dump(ev.RunFinished("done"))


@pytest.mark.parametrize(
    "text",
    [
        FINISHED.replace("RunFinished", "RunDoubled"),
        FINISHED.replace("}", ',"colour":"red"}'),
        dump(JOURNAL[1]).replace('"pareto"', '"shadow"'),
        dump(JOURNAL[2]).replace('"ancestor"', '"forebear"'),
    ],
    ids=["event", "field", "value", "nested field"],
)
def test_what_a_newer_version_wrote_is_refused_by_name(text: str) -> None:
    """An unknown event, field or value is never dropped in silence; the error says to upgrade."""
    with pytest.raises(RunError, match="pip install -U"):
        load_event(text)


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, '"x"', "{}", '{"type":"RunStarted"}', '{"type":[]}'])
def test_damaged_text_is_a_run_error(text: str) -> None:
    """Nothing but `RunError` comes out of a damaged record."""
    with pytest.raises(RunError):
        load_event(text)


@given(st.integers(min_value=0), texts)
def test_a_record_cut_or_scribbled_on_is_whole_or_a_run_error(at: int, scribble: str) -> None:
    """Reading garbage ends in a value of the right type or in `RunError`."""
    text = dump(PAID)
    at %= len(text)
    for broken in (text[:at], text[:at] + scribble + text[at + 1 :]):
        with suppress(RunError):
            assert isinstance(load(Rollout, broken), Rollout)


def test_an_error_does_not_repeat_what_was_in_the_record() -> None:
    """Traces are the user's data; a message about a damaged one shows its place, not its content."""
    with pytest.raises(RunError) as raised:
        load(Rollout, dump(PAID).replace('"seconds":1.5', '"seconds":"sk-secret"'))
    assert "sk-secret" not in f"{raised.value} {raised.value.__cause__}"
