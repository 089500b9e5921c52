"""A store that takes texts for values, as the project's server does."""

from typing import Any

from langgraph.store.base import Item
from langgraph.store.memory import InMemoryStore


class TextStore(InMemoryStore):
    def put(self, namespace: tuple[str, ...], key: str, value: Any, *_: Any, **__: Any) -> None:
        super().put(namespace, key, {"text": value})

    def get(self, namespace: tuple[str, ...], key: str, **_: Any) -> Item | None:
        item = super().get(namespace, key)
        if item is not None and isinstance(item.value, dict):
            return Item(
                value=item.value["text"],
                key=key,
                namespace=namespace,
                created_at=item.created_at,
                updated_at=item.updated_at,
            )
        return item


TextStore.__module__ = "langgraph.store.memory"
store = TextStore
