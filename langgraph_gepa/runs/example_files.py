"""Reads and validates examples: lists, LangSmith examples, JSON, JSONL and CSV files."""

from __future__ import annotations

import codecs
import json
import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from langgraph_gepa.core.example import Example, RoleDict
from langgraph_gepa.core.json_data import flat_message, is_message, unboxed, well_formed
from langgraph_gepa.core.leakage import inputs_key
from langgraph_gepa.errors import ExampleError
from langgraph_gepa.runs.csv_examples import read_csv

Source = str | Path | Iterable[Any]

SHAPE = '{"inputs": {<the state the graph is invoked with>}, "outputs": {<the right answer>}, "metadata": {...}}'
FIELDS = frozenset({"inputs", "outputs", "metadata", "id"})
ANSWERS = frozenset({"outputs", "reference_outputs"})
FEWEST_TO_SPLIT = 6
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def load_examples(source: Source, name: str = "trainset") -> tuple[Example, ...]:
    """Reads the examples of `source`, each with an id of its own; `name` is what errors call the set.

    `source` is a `.jsonl` file (one example a line), a `.json` file (a list of them), a `.csv` file (see `read_csv`),
    or an iterable of dicts, LangSmith `Example`s or `Example`s. `outputs`, `metadata` and `id` may be left out;
    `reference_outputs` is another name for `outputs`. LangChain messages become role dicts, and messages again in each
    rollout. A missing id is made from the content; a second example with the same id gets `-2` after it, a third `-3`.

    Raises `ExampleError` naming the file and line, or the position, and what to fix.
    """
    if isinstance(source, str | Path):
        items = _read(Path(source), name)
    elif isinstance(source, Mapping) or not isinstance(source, Iterable):
        raise ExampleError(
            f"The {name} must be a list of examples or the path of a .jsonl, .json or .csv file, not {_kind(source)}. "
            f"An example is {SHAPE}."
        )
    else:
        items = [(f"{name}[{index}]", item) for index, item in enumerate(source)]
    if not items:
        where = f" ({source})" if isinstance(source, str | Path) else ""
        raise ExampleError(f"The {name}{where} is empty: it needs at least one example, {SHAPE}.")
    return tuple(_with_unique_ids([_example(item, where) for where, item in items]))


def split(examples: Sequence[Example], seed: int = 0) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """Splits one set into a feedback set and a pareto set: halves drawn by `seed`, each in the order given.

    Examples with equal inputs go into the same half, so that none is scored that was learned from. With fewer than
    `FEWEST_TO_SPLIT` different examples both sets are all of them.
    """
    groups: dict[str, list[int]] = {}
    for index, example in enumerate(examples):
        groups.setdefault(inputs_key(example), []).append(index)
    if len(groups) < FEWEST_TO_SPLIT:
        return tuple(examples), tuple(examples)
    order = list(groups.values())
    random.Random(f"{seed}:split").shuffle(order)
    pareto = {index for group in order[: len(order) // 2] for index in group}
    feedback_set = tuple(example for index, example in enumerate(examples) if index not in pareto)
    return feedback_set, tuple(example for index, example in enumerate(examples) if index in pareto)


def _read(path: Path, name: str) -> list[tuple[str, Any]]:
    kind = path.suffix.lower()
    if kind not in (".jsonl", ".json", ".ndjson", ".csv", ".tsv"):
        if not path.exists():
            raise _missing(path, name)
        raise ExampleError(f"The {name} {path} is no .jsonl, .json or .csv file. A line of a .jsonl file is {SHAPE}.")
    text = _text(path, name)
    if kind in (".csv", ".tsv"):
        return read_csv(text, str(path))
    if kind == ".json":
        listed = _parsed(text, str(path))
        if not isinstance(listed, list):
            raise ExampleError(f"{path} must hold a list of examples, not {_kind(listed)}. An example is {SHAPE}.")
        return [(f"{path}[{index}]", item) for index, item in enumerate(listed)]
    lines = enumerate(text.split("\n"), 1)  # not splitlines: U+2028 may stand inside a JSON string
    return [(f"{path}:{number}", _parsed(line, f"{path}:{number}")) for number, line in lines if line.strip()]


def _missing(path: Path, name: str) -> ExampleError:
    return ExampleError(f"For the {name}: {path} does not exist (looked for {path.absolute()}).")


def _text(path: Path, name: str) -> str:
    """The text of a file in UTF-8, with or without a byte order mark."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise _missing(path, name) from None
    except OSError as error:
        raise ExampleError(f"The {name} {path} cannot be read: {error.strerror}.") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:  # which no text has, and which every other byte is in UTF-16
        looks = " (it looks like UTF-16)" if data.startswith(_UTF_16) or b"\0" in data else ""
        raise ExampleError(f"The {name} {path} is no UTF-8 text{looks}: save it as UTF-8.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        at = where if error.lineno == 1 and ":" in where else f"{where}:{error.lineno}"
        raise ExampleError(
            f"{at}, column {error.colno}: no valid JSON ({error.msg}). Each line is one object."
        ) from error
    except (RecursionError, ValueError) as error:
        raise ExampleError(f"{where}: this JSON cannot be read ({error}).") from error


def _example(item: Any, where: str) -> Example:
    if isinstance(item, Example):
        fields: Mapping[str, Any] = {
            "id": item.id, "inputs": item.inputs, "outputs": item.outputs, "metadata": item.metadata,
        }  # fmt: skip
    elif isinstance(item, Mapping):
        fields = _renamed(item, where)
    elif hasattr(item, "inputs") and hasattr(item, "outputs"):
        fields = {name: getattr(item, name, None) for name in FIELDS}
    else:
        raise ExampleError(f"{where} is {_kind(item)}, not an example. An example is {SHAPE}.")
    inputs = _mapping(fields.get("inputs"), f"{where}.inputs")
    outputs = None if fields.get("outputs") is None else _mapping(fields["outputs"], f"{where}.outputs")
    metadata = {} if fields.get("metadata") is None else _mapping(fields["metadata"], f"{where}.metadata")
    own = fields.get("id")
    example = Example("", inputs, outputs, metadata)
    return replace(example, id=well_formed(str(own)) if own not in (None, "") else example.digest)


def _renamed(item: Mapping[Any, Any], where: str) -> Mapping[str, Any]:
    if "inputs" not in item:
        keys = ", ".join(repr(key) for key in list(item)[:8]) or "nothing"
        raise ExampleError(f"{where} has no 'inputs' (it has {keys}). An example is {SHAPE}.")
    missing = {"metadata", *(() if {*item} & ANSWERS else ANSWERS)} - {*item}
    for key in map(str, item):
        if close := get_close_matches(key, missing, 1, 0.85):
            raise ExampleError(f"{where} has {key!r}, which is not a field of an example; did you mean {close[0]!r}?")
    if "reference_outputs" in item and "outputs" not in item:
        item = {**{key: value for key, value in item.items() if key != "reference_outputs"},
                "outputs": item["reference_outputs"]}  # fmt: skip
    return item


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        fix = " Where the graph takes such a value itself, put it into a graph or entrypoint that takes a mapping."
        raise ExampleError(
            f'{where} must be a mapping such as {{"question": "..."}}, not {_kind(value)}.'
            + (fix if where.endswith(".inputs") else "")
        )
    json_value: dict[str, Any] = _json(value, where, ())
    return json_value


def _json(value: Any, where: str, above: tuple[int, ...]) -> Any:
    """Converts `value` to plain JSON data. Raises `ExampleError` for what has no JSON form, unlike `plain`."""
    value = unboxed(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):  # also of subclasses, such as enums and NumPy's strings
        return well_formed(str.__str__(value))
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ExampleError(f"{where} is {value}, which JSON cannot hold; use null or leave it out.")
        return float(value)
    if id(value) in above:
        raise ExampleError(f"{where} contains itself.")
    inner = (*above, id(value))
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ExampleError(f"{where} has the key {key!r}; keys must be text.")
        return {str.__str__(key): _json(item, f"{where}.{key}", inner) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item, f"{where}[{index}]", inner) for index, item in enumerate(value)]
    if is_message(value):
        return RoleDict(flat_message(value))
    raise ExampleError(
        f"{where} is {_kind(value)}, which is no JSON data. Use text, numbers, lists and mappings (a date as text)."
    )


def _with_unique_ids(examples: Sequence[Example]) -> Iterable[Example]:
    """Makes the ids unique, in order. An id that is made never equals one that a later example was given."""
    given = {example.id for example in examples}
    used: set[str] = set()
    for example in examples:
        unique, number = example.id, 2
        while unique in used or (unique != example.id and unique in given):
            unique, number = f"{example.id}-{number}", number + 1
        used.add(unique)
        yield example if unique == example.id else replace(example, id=unique)


def _kind(value: Any) -> str:
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeiouAEIOU" else f"a {name}"
