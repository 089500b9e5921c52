"""Reads the examples of a LangSmith data set (https://docs.langchain.com/langsmith/manage-datasets)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langgraph_gepa.errors import ExampleError
from langgraph_gepa.langsmith.address import DatasetAddress
from langgraph_gepa.langsmith.client import connected
from langgraph_gepa.langsmith.messages import with_roles

if TYPE_CHECKING:
    from langsmith import Client


def read_dataset(address: DatasetAddress) -> list[dict[str, Any]]:
    """Reads every example of the data set, split or version, the oldest first, with its id in LangSmith.

    Raises `ExampleError`.
    """
    from langsmith.utils import LangSmithNotFoundError

    version = f" as of {address.as_of}" if address.as_of else ""
    with connected(f"The data set {address.name!r}{version} cannot be read", ExampleError) as client:
        try:
            dataset = client.read_dataset(dataset_name=address.name).id
        except LangSmithNotFoundError:
            raise ExampleError(_unknown(client, address.name)) from None
        found = client.list_examples(dataset_id=dataset, splits=list(address.splits) or None, as_of=address.as_of)
        examples = sorted(found, key=lambda example: (example.created_at, str(example.id)))
        if not examples:
            raise ExampleError(_empty(client, dataset, address))
    return [
        {
            "id": str(example.id),
            "inputs": with_roles(example.inputs or {}),
            "outputs": with_roles(example.outputs),
            "metadata": example.metadata or {},
        }
        for example in examples
    ]


def _unknown(client: Client, name: str) -> str:
    known = [dataset.name for dataset in client.list_datasets(limit=10)]
    there = f"it has {', '.join(known)}{' and others' * (len(known) == 10)}" if known else "it has none"
    return (
        f"LangSmith has no data set {name!r} in this workspace ({there}): "
        "check the name, and LANGSMITH_WORKSPACE_ID for the workspace."
    )


def _empty(client: Client, dataset: Any, address: DatasetAddress) -> str:
    if address.splits:
        splits = ", ".join(client.list_dataset_splits(dataset_id=dataset, as_of=address.as_of)) or "none"
        return f"The data set {address.name!r} has no example in {', '.join(address.splits)}: its splits are {splits}."
    when = f" as of {address.as_of}" if address.as_of else ""
    return f"The data set {address.name!r} is empty{when}: add examples to it, or name another."
