"""Reads the examples of a LangSmith data set (https://docs.langchain.com/langsmith/manage-datasets)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Required

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from langgraph_gepa.errors import ExampleError
from langgraph_gepa.langsmith.address import DatasetAddress
from langgraph_gepa.langsmith.client import connected
from langgraph_gepa.langsmith.messages import with_roles

if TYPE_CHECKING:
    from langsmith import Client


PAGE = 100
"""Examples in one answer: the most that servers give."""


class _Row(TypedDict, total=False):
    id: Required[str]
    created_at: Required[str]
    inputs: dict[str, Any] | None
    outputs: dict[str, Any] | None
    metadata: dict[str, Any] | None
    attachment_urls: dict[str, Any] | None


_ROWS = TypeAdapter(list[_Row])


def read_dataset(address: DatasetAddress) -> list[dict[str, Any]]:
    """Reads every example of the data set, split or version, the oldest first, with its id in LangSmith.

    Attachments are named and not downloaded, as the SDK's `list_examples` does. Raises `ExampleError`.
    """
    from langsmith.utils import LangSmithNotFoundError

    version = f" as of {address.as_of}" if address.as_of else ""
    with connected(f"The data set {address.name!r}{version} cannot be read", ExampleError) as client:
        try:
            dataset = client.read_dataset(dataset_name=address.name).id
        except LangSmithNotFoundError:
            raise ExampleError(_unknown(client, address.name)) from None
        rows = sorted(_rows(client, dataset, address), key=lambda row: (row["created_at"], row["id"]))
        if not rows:
            raise ExampleError(_empty(client, dataset, address))
    return [
        {
            "id": row["id"],
            "inputs": with_roles(row.get("inputs") or {}),
            "outputs": with_roles(row.get("outputs")),
            "metadata": row.get("metadata") or {},
            "attachments": [name.removeprefix("attachment.") for name in row.get("attachment_urls") or {}],
        }
        for row in rows
    ]


def _rows(client: Client, dataset: Any, address: DatasetAddress) -> Iterator[_Row]:
    query: dict[str, Any] = {
        "dataset": str(dataset),
        "select": ["attachment_urls", "outputs", "metadata"],
        "limit": PAGE,
        **({"splits": list(address.splits)} if address.splits else {}),
        **({"as_of": address.as_of} if address.as_of else {}),
    }
    offset = 0
    while True:
        answer = client.request_with_retries("GET", "/examples", params={**query, "offset": offset})
        page = _ROWS.validate_python(answer.json())
        yield from page
        offset += len(page)
        if len(page) < PAGE:
            return


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
