"""Finds the examples of a run in LangSmith's data sets, and uploads those that are in none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from langgraph_gepa.core.example import Example
from langgraph_gepa.errors import UsageError
from langgraph_gepa.langsmith.client import batches, connected

if TYPE_CHECKING:
    from langsmith import Client, schemas


@dataclass(frozen=True, slots=True)
class Place:
    """An example in a data set; `version` is the time of its last change, where it is known."""

    dataset: UUID
    example: UUID
    version: str = ""


def places(client: Client, examples: Mapping[str, tuple[Example, str]], dataset: str | None) -> dict[str, Place]:
    """Finds or uploads the `examples`, which come with their splits. Returns their places by the same keys.

    An example with the id of one in LangSmith is that one. The others are uploaded to `dataset`, which is created where
    it does not exist, under ids derived from their content. Raises `UsageError` when they need a `dataset` and there is
    none.
    """
    ids = {key: id for key, (example, _) in examples.items() if (id := _uuid(example.id))}
    known = {one.id: one for one in _found(client, ids.values())}
    found = {key: _place(known[id]) for key, id in ids.items() if id in known}
    others = {key: one for key, one in examples.items() if key not in found}
    if others and dataset is None:
        be = "example is" if len(examples) == 1 else "examples are"
        raise UsageError(
            f"{len(others)} of {len(examples)} {be} in no data set of this LangSmith workspace, and an "
            "experiment needs one: name the data set to put them in, dataset='NAME' (--dataset NAME)."
        )
    return found | (_uploaded(client, others, dataset) if others and dataset else {})


def known_ids(ids: Iterable[str]) -> frozenset[str]:
    """Returns those of the `ids` of examples that LangSmith has. Raises `UsageError` where it cannot be asked."""
    wanted = {text: id for text in ids if (id := _uuid(text))}
    if not wanted:
        return frozenset()
    with connected("The examples cannot be looked up") as client:
        known = {one.id for one in _found(client, wanted.values())}
    return frozenset(text for text, id in wanted.items() if id in known)


def _uploaded(client: Client, examples: Mapping[str, tuple[Example, str]], name: str) -> dict[str, Place]:
    from langsmith.utils import LangSmithNotFoundError

    try:
        home = client.read_dataset(dataset_name=name).id
    except LangSmithNotFoundError:
        home = client.create_dataset(name).id
    ids = {key: uuid5(home, f"{one.id} {one.digest}") for key, (one, _) in examples.items()}
    there = {one.id for one in _found(client, ids.values())}
    new = {ids[key]: one for key, one in examples.items() if ids[key] not in there}
    if new:
        client.create_examples(dataset_id=home, examples=[_to_create(id, *one) for id, one in new.items()])
    return {key: Place(home, id) for key, id in ids.items()}


def _to_create(id: UUID, example: Example, split: str) -> dict[str, Any]:
    from langsmith.schemas import ExampleCreate

    # Older versions of the SDK have one of the names, newer ones warn of it.
    outputs = "reference_outputs" if "reference_outputs" in ExampleCreate.__annotations__ else "outputs"
    made = {"id": id, "inputs": dict(example.inputs), "metadata": dict(example.metadata), "split": split}
    return made if example.outputs is None else {**made, outputs: dict(example.outputs)}


def _found(client: Client, ids: Iterable[UUID]) -> Iterable[schemas.Example]:
    wanted: Sequence[UUID] = list(dict.fromkeys(ids))
    for some in batches(wanted):
        yield from client.list_examples(example_ids=some)


def _place(example: schemas.Example) -> Place:
    return Place(example.dataset_id, example.id, example.modified_at.isoformat() if example.modified_at else "")


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
