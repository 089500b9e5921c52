"""Examples in two sets, or twice in one, are found by their inputs."""

from __future__ import annotations

from typing import Any

import pytest

from langgraph_gepa.core.example import Example
from langgraph_gepa.core.leakage import inputs_key, leakage, warnings
from langgraph_gepa.runs.example_files import split


def numbered(*numbers: int, set: str = "") -> list[Example]:
    return [Example(f"{set}{place}", {"n": number}) for place, number in enumerate(numbers)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"q": "Where?", "k": 1}, {"k": 1.0, "q": " Where?\r\n"}),
        ({"q": "caf\u00e9"}, {"q": "cafe\u0301"}),
        ({"messages": [{"role": "user", "content": "hi"}]}, {"messages": [("human", "hi")]}),
        ({"messages": [{"role": "user", "content": "hi"}]}, {"messages": "hi"}),
        (
            {"messages": [{"role": "user", "content": "hi"}]},
            {"messages": [{"type": "human", "id": "7", "content": [{"type": "text", "text": "hi"}]}]},
        ),
    ],
)
def test_inputs_that_are_the_same_to_the_graph_are_one(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Whatever the id, the outputs, the order of keys and the form of the messages."""
    assert inputs_key(Example("a", one, {"x": 1})) == inputs_key(Example("b", other, None, {"y": 2}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"q": "a"}, {"q": "b"}),
        ({"messages": [{"role": "user", "content": "hi"}]}, {"messages": [{"role": "system", "content": "hi"}]}),
        (
            {"doc": {"type": "pdf", "content": "x", "lang": "de"}},
            {"doc": {"type": "pdf", "content": "x", "lang": "en"}},
        ),
        ({"q": ["user", 1]}, {"q": ["user", 2]}),
    ],
)
def test_other_inputs_are_others(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Nothing that a graph could tell apart is taken for the same."""
    assert inputs_key(Example("a", one)) != inputs_key(Example("a", other))


def test_what_sets_share_is_counted_and_named() -> None:
    """Validation examples that were learned from, test examples that were in either, and repetitions within a set."""
    sets = {
        "feedback": numbered(1, 2, 3, 3, set="t"),
        "pareto": numbered(3, 4, 5, set="v"),
        "test": numbered(4, 1, 9, set="h"),
    }
    found = leakage(sets)
    assert found.learned == {"pareto": {"v0"}, "test": {"h0", "h1"}}
    assert found.repeated == {"feedback": 1, "pareto": 0, "test": 0}
    said = list(warnings(found, {name: len(examples) for name, examples in sets.items()}))
    assert [text.split(":")[0] for text in said] == [
        "1 of 3 validation examples has the inputs of a training example",
        "2 of 3 test examples have the inputs of a training or validation example",
        "1 of 4 training examples repeats the inputs of another one in the set",
    ]
    assert list(warnings(leakage({"feedback": numbered(1), "pareto": numbered(2)}), {})) == []


def test_a_split_leaves_no_example_on_both_sides() -> None:
    """An example that is there twice goes into one half; fewer than six different ones are not halved."""
    examples = numbered(*range(8), *range(8))
    for seed in range(20):
        feedback, pareto = split(examples, seed)
        assert len(feedback) == len(pareto) == 8
        assert not leakage({"feedback": feedback, "pareto": pareto}).learned["pareto"]
    assert split(numbered(1, 1, 2, 2, 3, 3))[0] == split(numbered(1, 1, 2, 2, 3, 3))[1]


def test_one_set_for_both_purposes_is_said_in_one_sentence() -> None:
    """Tasks that are to be solved themselves are both sets; that they share inputs is no oversight."""
    sets = {"feedback": numbered(1, 2, 3), "pareto": numbered(1, 2, 3), "test": []}
    (message,) = warnings(leakage(sets), {name: len(examples) for name, examples in sets.items()})
    assert message.startswith("The validation examples are the training examples")
