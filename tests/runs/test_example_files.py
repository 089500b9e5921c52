"""Examples in every form that users have them, and the errors for those that cannot be used."""

from __future__ import annotations

import json
from datetime import date
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage, convert_to_messages
from langsmith import schemas

from langgraph_gepa.core.example import Example
from langgraph_gepa.errors import ExampleError
from langgraph_gepa.runs.example_files import load_examples, split

ROW = {"inputs": {"question": "1+1"}, "outputs": {"answer": "2"}, "metadata": {"topic": "sums"}}


def test_every_source_gives_the_same_examples(tmp_path: Path) -> None:
    """A list, a JSON file, a JSONL file and LangSmith examples of one content are one set."""
    lines, listed = tmp_path / "rows.jsonl", tmp_path / "rows.json"
    lines.write_text("\ufeff" + json.dumps(ROW) + "\n\n", encoding="utf-8")
    listed.write_text(json.dumps([ROW]))
    langsmith = schemas.Example(id="7f0a3c1e-0000-4000-8000-000000000001", **ROW)
    wanted = load_examples([ROW])
    assert load_examples(lines) == load_examples(str(listed)) == load_examples(wanted) == wanted
    (loaded,) = load_examples([langsmith])
    assert (loaded.id, loaded.inputs, loaded.outputs) == (str(langsmith.id), ROW["inputs"], ROW["outputs"])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"])
@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json", "rows.csv"])
def test_a_file_in_another_encoding_is_to_be_saved_as_utf_8(tmp_path: Path, name: str, encoding: str) -> None:
    """Neither a broken line nor a strange key is blamed for it."""
    path = tmp_path / name
    path.write_bytes('[{"inputs": {"city": "Köln"}}]'.encode(encoding))
    with pytest.raises(ExampleError, match=r"is no UTF-8 text.*: save it as UTF-8"):
        load_examples(path)


def test_ids_are_unique_and_made_from_content() -> None:
    """An id left out names the content; equal ids are numbered and never take one that was given."""
    rows = [ROW, ROW, {**ROW, "id": "x"}, {**ROW, "id": "x"}, {**ROW, "id": "x-2"}]
    ids = [example.id for example in load_examples(rows)]
    content = load_examples([ROW])[0].digest
    assert ids == [content, f"{content}-2", "x", "x-3", "x-2"]


def test_reference_outputs_is_another_name_for_outputs() -> None:
    """LangSmith's newer name for the right answer is understood."""
    assert load_examples([{"inputs": {}, "reference_outputs": {"a": 1}}])[0].outputs == {"a": 1}


def test_messages_survive_as_role_dicts() -> None:
    """LangChain messages in inputs come back as the same messages when LangGraph reads them."""
    messages = [
        HumanMessage("hi"),
        AIMessage("", tool_calls=[{"id": "c1", "name": "look", "args": {"q": 1}, "type": "tool_call"}]),
        ToolMessage("found", tool_call_id="c1", name="look"),
    ]
    (example,) = load_examples([{"inputs": {"messages": messages}}])
    json.dumps(example.inputs)
    assert [m.model_dump(exclude={"id"}) for m in convert_to_messages(example.inputs["messages"])] == [
        m.model_dump(exclude={"id"}) for m in messages
    ]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ([], "trainset is empty"),
        ([{"question": "1+1"}], r"trainset\[0\] has no 'inputs' \(it has 'question'\). An example is"),
        ([ROW | {"output": 1}, {"inputs": {}, "output": {}}], r"trainset\[1\] has 'output'.*did you mean 'outputs'"),
        ([ROW, "text"], r"trainset\[1\] is a str, not an example"),
        ([{"inputs": "1+1"}], r"trainset\[0\].inputs must be a mapping .* put it into a graph or entrypoint"),
        ([{"inputs": {"when": [date(2025, 1, 1)]}}], r"trainset\[0\].inputs.when\[0\] is a date, which is no JSON"),
        ([{"inputs": {"x": float("nan")}}], r"trainset\[0\].inputs.x is nan"),
        ([{"inputs": {1: 2}}], "keys must be text"),
        (ROW, "must be a list of examples"),
        ("missing.jsonl", "missing.jsonl does not exist"),
        ("missing.csv", "missing.csv does not exist"),
        ("missing.xlsx", "missing.xlsx does not exist"),
        ("nowhere", "nowhere does not exist"),
        (__file__, "no .jsonl, .json or .csv file"),
    ],
)
def test_a_mistake_is_named_with_its_place(source: Any, says: str) -> None:
    """What cannot be used raises an ExampleError that names the example and the fix."""
    with pytest.raises(ExampleError, match=says):
        load_examples(source)


def test_a_broken_line_is_named_by_file_and_line(tmp_path: Path) -> None:
    """An error in a file says file:line, as an editor understands it."""
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(ROW) + "\n{'inputs': 1}\n")
    with pytest.raises(ExampleError, match=r"rows\.jsonl:2, column 2: no valid JSON"):
        load_examples(path)
    path.write_text(json.dumps(ROW) + "\n" + json.dumps({"outputs": {}}) + "\n")
    with pytest.raises(ExampleError, match=r"rows\.jsonl:2 has no 'inputs'"):
        load_examples(path)


def test_a_value_that_contains_itself_is_named() -> None:
    """A cycle is the user's mistake, not a crash."""
    loop: dict[str, Any] = {}
    loop["self"] = loop
    with pytest.raises(ExampleError, match="contains itself"):
        load_examples([{"inputs": loop}])


def test_anything_shaped_like_a_langsmith_example_will_do() -> None:
    """Examples are recognised by their attributes, so that langsmith need not be imported here."""
    (example,) = load_examples([SimpleNamespace(id=7, inputs={"q": 1}, outputs=None, metadata=None)])
    assert (example.id, example.outputs, example.metadata) == ("7", None, {})


@given(st.integers(1, 40), st.integers())
def test_a_split_is_two_halves_that_share_nothing(count: int, seed: int) -> None:
    """Six and more examples are halved by the seed; fewer are used twice."""
    examples = tuple(Example(str(n), {"n": n}) for n in range(count))
    feedback_set, pareto_set = split(examples, seed)
    assert split(examples, seed) == (feedback_set, pareto_set)
    if count < 6:
        assert feedback_set == pareto_set == examples
    else:
        ids = sorted([one.id for one in feedback_set + pareto_set], key=int)
        assert ids == [one.id for one in examples]
        assert len(feedback_set) - len(pareto_set) in (0, 1)


def test_subclasses_and_scalars_become_plain_values() -> None:
    """A `str` enum is its text and a NumPy scalar its number, so that a saved example equals the given one."""

    class Grade(str, Enum):  # noqa: UP042 - the older way is what data sets hold
        GOOD = "good"

    row = {"inputs": {Grade.GOOD: Grade.GOOD, "n": np.int64(3), "x": np.float64(0.5), "yes": np.bool_(True)}}
    (example,) = load_examples([row])
    assert example.inputs == {"good": "good", "n": 3, "x": 0.5, "yes": True}
    assert [type(value) for value in example.inputs.values()] == [str, int, float, bool]
    assert {type(key) for key in example.inputs} == {str}
