"""Examples from CSV, as spreadsheets write it."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from langgraph_gepa.errors import ExampleError
from langgraph_gepa.runs.csv_examples import read_csv
from langgraph_gepa.runs.example_files import load_examples

ROW = {"id": "7", "inputs": {"question": 'Say "1, 2;\n3"'}, "outputs": {"answer": "12"}, "metadata": {"topic": "sums"}}
HEADER = ("id", "inputs.question", "outputs.answer", "metadata.topic")
CELLS = ("7", ROW["inputs"]["question"], "12", "sums")  # type: ignore[index]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff", "\r\n"])
def test_a_csv_file_and_a_list_give_the_same_examples(tmp_path: Path, delimiter: str, start: str) -> None:
    """Whatever separates the cells; blank rows are none."""
    path = tmp_path / "rows.CSV"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(start)
        csv.writer(file, delimiter=delimiter).writerows([HEADER, (), CELLS, ("", "", "", " ")])
    assert load_examples(path) == load_examples([ROW])


def test_a_column_of_json_holds_what_is_no_text() -> None:
    """Numbers and lists stand in JSON; NAME.KEY is a key inside NAME; an empty cell is left out."""
    text = 'inputs.user.name,outputs,metadata.note\nAda,"{""n"": [2]}",\n'
    assert read_csv(text, "a.csv") == [("a.csv:2", {"inputs": {"user": {"name": "Ada"}}, "outputs": {"n": [2]}})]


def test_a_cell_may_be_long() -> None:
    """Longer than the csv module's own limit, which is as it was afterwards."""
    limit = csv.field_size_limit()
    ((_, example),) = read_csv(f"inputs.text\n{'x' * (limit + 1)}\n", "a.csv")
    assert (len(example["inputs"]["text"]), csv.field_size_limit()) == (limit + 1, limit)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("question,answer\n1,2\n", r":1: the header has 'question', 'answer', .* 'question', to inputs\.question"),
        (",inputs.q\n0,a\n", r":1: the header has '',"),
        ("inputs.,id\na,1\n", r"the header has 'inputs\.'"),
        ("inputs.q,inputs.q\na,b\n", r"'inputs\.q' occurs twice"),
        ("inputs,inputs.q\n{},b\n", r"'inputs\.q' is a part of the column 'inputs'"),
        ("inputs.q,id\na\n\nb,c,d\n", r":2 has 1 cell and the header 2"),
        ('inputs.q\na\n\n"b\n', r":4: not valid CSV \(unexpected end of data\)"),
        ("inputs\n{a\n", r":2, column inputs: not valid JSON"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, says: str) -> None:
    """The file and line where the row begins, and what to fix."""
    with pytest.raises(ExampleError, match=re.compile(f"^a.csv{says}|^a.csv:1: .*{says}")):
        read_csv(text, "a.csv")


def test_rows_are_examples_like_any_other(tmp_path: Path) -> None:
    """A row without inputs is the same mistake as in JSON, and a file of a header alone is empty."""
    path = tmp_path / "rows.csv"
    path.write_text("inputs.q,outputs.a\n,2\n")
    with pytest.raises(ExampleError, match=r"rows\.csv:2 has no 'inputs'"):
        load_examples(path)
    path.write_text("inputs.q\n")
    with pytest.raises(ExampleError, match="is empty"):
        load_examples(path)
