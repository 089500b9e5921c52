"""Pushes prompts to LangSmith (https://docs.langchain.com/langsmith/manage-prompts-programmatically)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from langgraph_gepa.errors import UsageError
from langgraph_gepa.langsmith.client import connected, supported

if TYPE_CHECKING:
    from langsmith import Client

LONGEST = 1000
"""Characters of a commit's description."""


def names_of(prefix: str, modules: Iterable[str]) -> dict[str, str]:
    """The name of each module's prompt: `<prefix>-<module>` in the characters that LangSmith allows, made unique.

    Raises `UsageError` for a prefix without a letter.
    """
    start = _slug(prefix).lstrip("0123456789-_")
    if not start:
        raise UsageError(f"The prefix {prefix!r} gives no name for a prompt: it needs a letter from a to z first.")
    names: dict[str, str] = {}
    for module in modules:
        name = wanted = "-".join(filter(None, (start, _slug(module))))
        number = 2
        while name in names.values():
            name, number = f"{wanted}-{number}", number + 1
        names[module] = name
    return names


def push(prompts: Mapping[str, Any], description: str) -> dict[str, str]:
    """Commits LangChain's chat prompt templates, of text messages, under their names. Returns the URL of each commit.

    A prompt that equals the newest commit is not committed again. New prompts are private to the workspace. Raises
    `UsageError`.
    """
    with connected("The prompts cannot be pushed") as client:
        return {name: _pushed(client, name, prompt, description[:LONGEST]) for name, prompt in prompts.items()}


def _pushed(client: Client, name: str, prompt: Any, description: str) -> str:
    from langsmith.utils import LangSmithConflictError, LangSmithNotFoundError

    try:
        latest = client.pull_prompt_commit(name, **supported(client.pull_prompt_commit, skip_cache=True))
        committed = list(_messages(latest.manifest))
    except LangSmithNotFoundError:
        committed = []
    wanted = [(type(one).__name__, one.prompt.template, one.prompt.template_format) for one in prompt.messages]
    if committed != wanted:
        try:
            how = supported(client.push_prompt, commit_description=description)
            return client.push_prompt(name, object=prompt, **how)
        except LangSmithConflictError:  # nothing to commit, or another process just did
            latest = client.pull_prompt_commit(name, **supported(client.pull_prompt_commit, skip_cache=True))
    return client.push_prompt(f"{name}:{latest.commit_hash}")


def _messages(manifest: Any) -> Iterator[tuple[str, str, str]]:
    """The kind, the text and the template format of each message of a serialized prompt."""
    if isinstance(manifest, list):
        for item in manifest:
            yield from _messages(item)
    elif isinstance(manifest, Mapping):
        prompt = (manifest.get("kwargs") or {}).get("prompt") if "lc" in manifest else None
        if isinstance(prompt, Mapping):
            held = prompt.get("kwargs") or {}
            kind = str((manifest.get("id") or [""])[-1])
            yield kind, str(held.get("template")), str(held.get("template_format", "f-string"))
        else:
            yield from _messages(list(manifest.values()))


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-")
