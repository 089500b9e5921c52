"""Examples from a LangSmith data set, by its name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from langchain_core.load import dumpd
from langchain_core.messages import AIMessage, HumanMessage, convert_to_messages
from typer.testing import CliRunner

import langgraph_gepa
from langgraph_gepa import Budget
from langgraph_gepa.cli import app
from langgraph_gepa.errors import ExampleError, RunError
from langgraph_gepa.langsmith.address import DatasetAddress, RunsAddress, parse
from langgraph_gepa.runs.examples import examples_of
from langgraph_gepa.runs.saved_run import SavedRun

ROWS = [{"inputs": {"n": n}, "outputs": {"twice": 2 * n}, "metadata": {"topic": "sums"}} for n in range(205)]


def letters(project: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a file of the project, as a data set has them."""
    rows = [json.loads(line) for line in (project / f"{name}.jsonl").read_text().splitlines()]
    return [{"inputs": row["inputs"], "outputs": row["outputs"]} for row in rows]


def optimized(**changed: Any) -> Any:
    how = {"metric": "letters.py:score", "reflection_lm": "openai:simulated-editor", "run": "run", "progress": False}
    how |= {"trainset": "langsmith:letters@train", "valset": "langsmith:letters@val", "budget": Budget(rollouts=30)}
    return langgraph_gepa.optimize("letters", **(how | changed))


@pytest.fixture
def letterbox(project: Path, smith: Any) -> str:
    """A data set with two splits."""
    made: str = smith.dataset("letters", [{**row, "split": "train"} for row in letters(project, "train")])
    for row in letters(project, "val"):
        smith.example(made, **row, split="val")
    return made


def test_every_example_comes_with_all_it_has(smith: Any) -> None:
    """Inputs, outputs, metadata and ids of every page, the oldest first."""
    smith.dataset("sums", ROWS)
    found = examples_of("langsmith:sums")
    assert [(e.inputs, e.outputs) for e in found] == [(row["inputs"], row["outputs"]) for row in ROWS]
    assert {e.id for e in found} == set(smith.examples)
    assert found[0].metadata == {"dataset_split": ["base"], "topic": "sums"}


def test_attachments_are_left_out_and_their_rows_named(smith: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """None is downloaded: the graph gets its inputs alone."""
    files = {"attachment.plan": {"presigned_url": "http://nowhere.invalid/plan.pdf", "mime_type": "application/pdf"}}
    smith.dataset("boats", [{"inputs": {"n": 1}}, {"inputs": {"n": 2}, "attachment_urls": files}])
    _, with_file = examples_of("langsmith:boats")
    assert f"have attachments, which are left out: '{with_file.id}'." in capsys.readouterr().err


def test_splits_and_versions_are_parts_of_the_name(smith: Any) -> None:
    """One split, two, a version by its tag, one by its time, a split of a version."""
    rows = [{"inputs": {"n": n}, "split": ("train", "val", "test")[n % 3]} for n in range(9)]
    smith.dataset("sums", rows, tags={"prod": 4})

    def numbers(name: str) -> list[int]:
        return [example.inputs["n"] for example in examples_of(name)]

    assert numbers("langsmith:sums@train") == [0, 3, 6]
    assert numbers("langsmith:sums@train,val") == [0, 1, 3, 4, 6, 7]
    assert numbers("langsmith:sums?as_of=prod") == [0, 1, 2, 3]
    assert numbers("langsmith:sums?as_of=2026-05-01T00:01:00Z") == [0, 1]
    assert numbers("langsmith:sums@train?as_of=prod") == [0, 3]


def test_names_with_signs_in_them_are_escaped() -> None:
    """What would part a name is written with a percent sign, also in a filter."""
    assert parse("langsmith:a%40b@c?as_of=d") == DatasetAddress("a@b", ("c",), "d")
    runs = parse('langsmith-runs:my app?filter=and(eq(a, "b=c"), eq(d, "e%26f"))&feedback=x,y&good=4&limit=9')
    assert runs == RunsAddress("my app", 'and(eq(a, "b=c"), eq(d, "e&f"))', ("x", "y"), 4.0, 9)


@pytest.mark.parametrize("kept", [dumpd, lambda m: {"type": m.type, "data": m.model_dump()}, lambda m: m.model_dump()])
def test_messages_come_out_as_role_dicts(smith: Any, kept: Any) -> None:
    """However LangSmith keeps messages, the examples hold plain JSON data that LangGraph reads as the same messages."""
    messages = [HumanMessage("hi"), AIMessage("", tool_calls=[{"id": "c", "name": "look", "args": {"type": "human"}}])]
    smith.dataset(
        "chats", [{"inputs": {"messages": [kept(m) for m in messages]}, "outputs": {"output": kept(messages[0])}}]
    )
    (example,) = examples_of("langsmith:chats")
    assert example.outputs == {"output": {"role": "user", "content": "hi"}}
    again = convert_to_messages(example.inputs["messages"])
    assert [(type(m), m.content, getattr(m, "tool_calls", None)) for m in again] == [
        (type(m), m.content, getattr(m, "tool_calls", None)) for m in messages
    ]


def test_what_only_looks_like_a_message_loses_nothing(smith: Any) -> None:
    """A mapping with a type and a content and more than a message has stays as it is; so do other objects."""
    thing = {"type": "tool", "content": "a hammer", "price": 3}
    other = {"lc": 1, "type": "constructor", "id": ["langchain", "Document"], "kwargs": {"page_content": "x"}}
    smith.dataset("shop", [{"inputs": {"thing": thing, "other": other}}])
    assert examples_of("langsmith:shop")[0].inputs == {"thing": thing, "other": other}


def test_tool_calls_as_openai_writes_them_are_tool_calls(smith: Any) -> None:
    """Chat data sets keep them so, their arguments as text; what is no JSON is kept as it was."""
    written = [
        {"id": str(n), "function": {"name": "look", "arguments": text}} for n, text in enumerate(['{"q": 1}', "{"])
    ]
    message = {"type": "ai", "data": {"content": "", "additional_kwargs": {"tool_calls": written}}}
    smith.dataset("chats", [{"inputs": {"input": [message]}}])
    (found,) = examples_of("langsmith:chats")[0].inputs["input"]
    assert [(call["id"], call["name"], call["args"]) for call in found["tool_calls"]] == [
        ("0", "look", {"q": 1}),
        ("1", "look", "{"),
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("langsmith:sum", r"no data set 'sum'.*it has sums.*LANGSMITH_WORKSPACE_ID"),
        ("langsmith:sums@trian", r"no example in trian: its splits are base\."),
        ("langsmith:sums?as_of=prod", r"'sums' as of prod.*does not have it \(404\)"),
        ("langsmith:empty", "'empty' is empty: add examples"),
        ("langsmith:", "names nothing. Write langsmith:NAME,"),
        ("langsmith:sums@", "no split after the @"),
        ("langsmith:sums?version=1", "'version=1' is not understood. Known: as_of="),
        ("langsmith-runs:app?limit=none", "limit=none must be a number"),
    ],
)
def test_a_name_that_means_nothing_is_explained(smith: Any, name: str, message: str) -> None:
    """What is not there or not understood is an error that names what would be."""
    smith.dataset("sums", ROWS[:2])
    smith.dataset("empty", [])
    with pytest.raises(ExampleError, match=message):
        examples_of(name)


def test_a_run_keeps_what_it_read(letterbox: str, smith: Any) -> None:
    """A run goes on by the same call, and as `resume` does, without LangSmith, whatever became of its data set."""
    first = optimized()
    assert {e.id for e in first.saved.config.examples.feedback} < set(smith.examples)
    smith.example(letterbox, inputs={"name": "Bob", "letter": "late"}, split="val")
    smith.requests.clear()
    assert optimized(budget=Budget(rollouts=40)).saved.config.examples == first.saved.config.examples
    assert langgraph_gepa.resume("run", progress=False).saved.config.sources == first.saved.config.sources
    assert not smith.requests
    with pytest.raises(RunError, match="the validation examples changed"):
        optimized(valset="langsmith:letters@train")


def test_sets_from_elsewhere_are_read_as_ever(letterbox: str, smith: Any) -> None:
    """Of a run with one set from LangSmith and one from a file the file may not change, and one set may be halved."""
    optimized(valset="val.jsonl")
    Path("val.jsonl").write_text(Path("test.jsonl").read_text())
    with pytest.raises(RunError, match="the validation examples changed"):
        optimized(valset="val.jsonl")
    halved = optimized(valset=None, run="halved").saved.config.examples
    smith.requests.clear()
    assert optimized(valset=None, run="halved").saved.config.examples == halved
    assert not smith.requests


def test_what_a_mask_hid_is_read_again(letterbox: str, smith: Any) -> None:
    """A halved set as well: a data set that did not change goes on, one that did is refused."""
    Path("how.py").write_text(
        "from langgraph_gepa import RunnerOptions\noptions = RunnerOptions(mask=lambda text: text.replace('Ada', 'A.'))"
    )
    optimized(valset=None, options="how.py:options")
    smith.requests.clear()
    assert langgraph_gepa.resume("run", progress=False).saved.config.sources == {"training": "langsmith:letters@train"}
    assert smith.requests
    smith.example(letterbox, inputs={"name": "Bob", "letter": "late"}, split="train")
    with pytest.raises(RunError, match="the training examples and the validation examples changed"):
        langgraph_gepa.resume("run", progress=False)


def test_the_command_line_takes_the_same_names(letterbox: str, smith: Any) -> None:
    """--train, --val, --test, --examples and --data."""

    def call(line: str) -> Any:
        done = CliRunner().invoke(app, line.split())
        assert done.exit_code == 0, done.stderr
        return done

    how = "--metric letters.py:score --reflection-lm openai:simulated-editor --rollouts 30 --run run"
    sets = "--train langsmith:letters@train --val langsmith:letters@val --test langsmith:letters"
    call(f"optimize letters {sets} {how}")
    assert len(SavedRun.open("run").config.examples.test) == 12
    assert "letters" in call(f"optimize letters {sets} {how} --dry-run").stdout
    assert "12 examples" in call("eval letters --data langsmith:letters --metric letters.py:score").stdout
    assert "seen" in call("prompts letters --json --examples langsmith:letters").stdout


def test_tasks_are_read_once(letterbox: str, smith: Any) -> None:
    """`search_outputs` has the same examples to learn from and to choose by."""
    how = {"metric": "letters.py:score", "reflection_lm": "openai:simulated-editor", "run": "run", "progress": False}
    found = langgraph_gepa.search_outputs("letters", "langsmith:letters@val", budget=Budget(rollouts=30), **how)
    assert len(found) == 6
    assert smith.requests.count("GET /examples") == 1
