"""Tells which objects and texts of a graph were pulled from LangSmith's prompt hub, at which commit.

A template says itself where it was pulled from. A text that was taken out of one, as `create_agent` needs it, does not:
it is recognised in the commits that the SDK has in its cache, which are those that this process pulled.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.prompts import BasePromptTemplate
from langchain_core.prompts.message import BaseMessagePromptTemplate

from langgraph_gepa.adapter.objects.definitions import SourceLocation
from langgraph_gepa.adapter.objects.place import Place
from langgraph_gepa.adapter.objects.walk import Walk

_HELD = (BasePromptTemplate, BaseMessagePromptTemplate, BaseMessage, dict, list, tuple)
"""What a pulled prompt is made of. Its partial variables and its metadata were not pulled."""
_COMMIT = ("owner", "repo", "commit_hash")
_OUTSIDE = (("attr", "partial_variables"), ("attr", "metadata"))


def commit_of(template: Any) -> str:
    """The commit that a template was pulled from, as `name:commit`, or `owner/name:commit` for a prompt with an owner.

    The SDK writes it into the template's metadata. Empty for any other object.
    """
    metadata = template.metadata if isinstance(template, BasePromptTemplate) else None
    return _commit({name: (metadata or {}).get(f"lc_hub_{name}") for name in _COMMIT})


def _commit(fields: Mapping[str, Any]) -> str:
    owner, name, commit = (str(fields.get(field) or "") for field in _COMMIT)
    if not (name and commit):
        return ""
    return f"{name}:{commit}" if owner in ("", "-") else f"{owner}/{name}:{commit}"


def name_of(commit: str) -> str:
    """The name of a commit's prompt, without its owner."""
    return commit.partition(":")[0].rpartition("/")[2]


def pulled_objects(walk: Walk) -> Mapping[int, str]:
    """Maps the ids of the objects that pulled prompts are made of to their commits."""
    found: dict[int, str] = {}
    for key, node in walk.nodes.items():
        if commit := commit_of(node.value):
            todo = [key]
            while todo:
                part = todo.pop()
                if part not in found and isinstance(walk.nodes[part].value, _HELD):
                    found[part] = commit
                    todo += [below for step, below in walk.held(part) if step not in _OUTSIDE]
    return found


@dataclass(frozen=True, slots=True)
class Pulled:
    """What was pulled: the commits of objects by id, and those of texts that were taken out of templates."""

    objects: Mapping[int, str]
    texts: Mapping[str, str]

    @classmethod
    def of(cls, walk: Walk) -> Pulled:
        return cls(pulled_objects(walk), cached_texts())

    def commit_of(self, place: Place, location: SourceLocation) -> str:
        """The commit that the text at a place was pulled from; empty for a text that the source has as a literal."""
        if commit := self.objects.get(place.owner):
            return commit
        written = place.kind != "prompt" or (isinstance(location.key, tuple) and location.key[0] in ("literal", "doc"))
        return "" if written else self.texts.get(place.text, "")


def cached_texts() -> dict[str, str]:
    """Maps the texts in the prompts that the SDK has in its caches to their commits, if only one prompt has them."""
    module = sys.modules.get("langsmith.prompt_cache")  # older versions have none
    caches = (getattr(module, f"{kind}prompt_cache_singleton", None) for kind in ("", "async_"))
    found: dict[str, set[str]] = defaultdict(set)
    for cache in caches:
        if cache is not None and cache.metrics.total_requests:
            for entry in _dumped(cache):
                for text in _strings(entry.get("manifest")):
                    found[text].add(_commit(entry))
    return {text: commits.pop() for text, commits in found.items() if len(commits) == 1}


def _dumped(cache: Any) -> list[Mapping[str, Any]]:
    """The commits in a cache of the SDK, which can only be written to a file."""
    with suppress(OSError), TemporaryDirectory() as folder:
        file = Path(folder) / "prompts.json"
        cache.dump(file)
        return list(json.loads(file.read_text(encoding="utf-8"))["entries"].values())
    return []


def _strings(manifest: Any) -> Iterator[str]:
    if isinstance(manifest, str):
        yield manifest
    elif isinstance(manifest, list | dict):
        for part in manifest.values() if isinstance(manifest, dict) else manifest:
            yield from _strings(part)
