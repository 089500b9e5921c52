"""Tells which objects of a graph were pulled from LangSmith's prompt hub, at which commit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.prompts import BasePromptTemplate
from langchain_core.prompts.message import BaseMessagePromptTemplate

from langgraph_gepa.adapter.objects.walk import Walk

_HELD = (BasePromptTemplate, BaseMessagePromptTemplate, BaseMessage, dict, list, tuple)
"""What a pulled prompt is made of. Its partial variables and its metadata were not pulled."""
_OUTSIDE = (("attr", "partial_variables"), ("attr", "metadata"))


def commit_of(template: Any) -> str:
    """The commit that a template was pulled from, as `name:commit`, or `owner/name:commit` for a prompt with an owner.

    The SDK writes it into the template's metadata. Empty for any other object.
    """
    metadata = template.metadata if isinstance(template, BasePromptTemplate) else None
    owner, name, commit = (str((metadata or {}).get(f"lc_hub_{key}") or "") for key in ("owner", "repo", "commit_hash"))
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
