"""Reads examples from CSV: a row is an example, and the header says what each column is."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langgraph_gepa.errors import ExampleError
from langgraph_gepa.report.words import plural

PARTS = ("inputs", "outputs", "reference_outputs", "metadata")
COLUMNS = (
    "A column is inputs.NAME, outputs.NAME or metadata.NAME with text (NAME.KEY is a key inside NAME), or inputs, "
    "outputs or metadata with an object of JSON, or id"
)
_DELIMITERS = ",;\t"


def read_csv(text: str, where: str) -> list[tuple[str, Any]]:
    """Returns an example for each row, with the file and line where it begins.

    Columns are as `COLUMNS` says. A cell of `inputs.NAME` and its like is the text in it, also if that is a number; an
    empty cell is left out, and so is a row of empty cells. Cells are separated by the character that separates the
    header: a comma, a semicolon or a tab.

    Raises `ExampleError`.
    """
    before = csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    try:
        return list(_examples(text, where))
    finally:
        csv.field_size_limit(before)


def _examples(text: str, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    rows = _rows(text, where)
    at, header = next(rows, ("", []))
    columns = [name.strip() for name in header]
    if at:
        _require_columns(columns, at)
    for at, cells in rows:
        if len(cells) != len(columns):
            raise ExampleError(
                f"{at} has {plural(len(cells), 'cell')} and the header {len(columns):,}. Put a cell that contains the "
                "separator, a quotation mark or a line break into quotation marks, as spreadsheets do."
            )
        yield at, _example(dict(zip(columns, cells, strict=True)), at)


def _rows(text: str, where: str) -> Iterator[tuple[str, list[str]]]:
    """The rows that are not blank, each with the file and line where it begins."""
    header = next((line for line in text.split("\n") if line.strip()), "")
    delimiter = max(_DELIMITERS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        at = f"{where}:{reader.line_num + 1}"
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ExampleError(
                f"{at}: not valid CSV ({error}). Is a quotation mark not closed or not doubled?"
            ) from error
        if any(cell.strip() for cell in cells):
            yield at, cells


def _require_columns(columns: Sequence[str], at: str) -> None:
    """Raises `ExampleError` for a header that does not say what the columns are."""
    unknown = [name for name in columns if name != "id" and (name.split(".")[0] not in PARTS or "" in name.split("."))]
    if unknown:
        named = ", ".join(map(repr, unknown[:8]))
        raise ExampleError(
            f"{at}: the header has {named}, which is not a part of an example. {COLUMNS}. "
            f"Rename {unknown[0]!r}, to inputs.{unknown[0] or 'question'} for example, or delete it."
        )
    if doubled := sorted({name for name in columns if columns.count(name) > 1}):
        raise ExampleError(f"{at}: the column {doubled[0]!r} occurs twice.")
    for name in columns:
        if part := next((other for other in columns if other.startswith(f"{name}.")), ""):
            raise ExampleError(f"{at}: the column {part!r} is a part of the column {name!r}; keep one of them.")


def _example(row: Mapping[str, str], at: str) -> dict[str, Any]:
    example: dict[str, Any] = {}
    for column, cell in row.items():
        if not cell:
            continue
        if column in PARTS:
            example[column] = _parsed(cell, f"{at}, column {column}")
            continue
        *above, last = column.split(".")
        inner = example
        for name in above:
            inner = inner.setdefault(name, {})
        inner[last] = cell
    return example


def _parsed(cell: str, where: str) -> Any:
    try:
        return json.loads(cell)
    except (RecursionError, ValueError) as error:
        raise ExampleError(f"{where}: not valid JSON ({error}).") from error
