"""Pushes prompts to LangSmith (https://docs.langchain.com/langsmith/manage-prompts-programmatically).

Prompts that were pulled from its hub go back to where they came from, as the next commit; others become new prompts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from langgraph_gepa.errors import UsageError
from langgraph_gepa.langsmith.client import connected, supported

if TYPE_CHECKING:
    from langsmith import Client
    from langsmith.schemas import PromptCommit

LONGEST = 1000
"""Characters of a commit's description."""
MOVED = (
    "The prompt {name!r} is no longer at commit {old}, which the run started from, but at {new}. Nothing is pushed. "
    "Look at what changed there. To push all the same, over what was committed in between, use force=True (--force)."
)
OVERTAKEN = (
    "The prompt {name!r} got another commit, {new}, while this one was pushed. Look at what changed there, and push "
    "again: prompts that were pushed before it are not committed twice."
)
NOT_HELD = (
    "Commit {old} of the prompt {name!r} does not hold the text that the run started from: {text!r}. Nothing is "
    "pushed. Give a prefix (--prompts PREFIX) to push the new text to a prompt of its own."
)


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


@dataclass(frozen=True, slots=True)
class _Commit:
    """The next commit of a prompt: its manifest, and the commit that it follows.

    `done` says that the newest commit has this manifest already.
    """

    name: str
    manifest: Any
    parent: str
    done: bool


def push_back(texts: Mapping[str, Mapping[str, str]], description: str, *, force: bool) -> dict[str, str]:
    """Commits new texts to prompts of the hub. Returns the URL of each commit, by the commit that it came from.

    `texts` are new texts by old ones, by the commit that holds the old ones: `name:commit`, or `owner/name:commit`. The
    rest of the prompt stays as in that commit, with its model, if it has one. Raises `UsageError` before anything is
    committed where a prompt has moved on since, unless `force`. What has been pushed already is not committed again.
    """
    with connected("The prompts cannot be pushed back (--prompts PREFIX pushes them to prompts of your own)") as client:
        commits = {commit: _next(client, commit, new, force) for commit, new in texts.items()}
        return {pulled: _committed(client, commit, description[:LONGEST]) for pulled, commit in commits.items()}


def _next(client: Client, pulled: str, texts: Mapping[str, str], force: bool) -> _Commit:
    name, _, commit = pulled.partition(":")
    latest = _pulled(client, name)
    base = latest if latest.commit_hash == commit else _pulled(client, pulled)
    for old in texts:
        if old not in _strings(base.manifest):
            raise UsageError(NOT_HELD.format(name=name, old=commit[:8], text=shorten(old, 80)))
    manifest = _replaced(base.manifest, texts)
    done = manifest == latest.manifest
    if latest is not base and not done and not force:
        raise UsageError(MOVED.format(name=name, old=commit[:8], new=latest.commit_hash[:8]))
    return _Commit(name, manifest, latest.commit_hash, done)


def _committed(client: Client, commit: _Commit, description: str) -> str:
    """Sends the manifest itself: older versions of the SDK commit a description of it in place of it."""
    from langsmith.utils import LangSmithConflictError

    path = commit.name if "/" in commit.name else f"-/{commit.name}"
    body = {"parent_commit": commit.parent, "manifest": commit.manifest, "description": description}
    try:
        made = commit.parent
        if not commit.done:
            answer = client.request_with_retries("POST", f"/commits/{path}", request_kwargs={"json": body})
            made = answer.json()["commit"]["commit_hash"]
        return client.push_prompt(f"{commit.name}:{made}")
    except LangSmithConflictError:  # nothing to commit, or another process was quicker
        now = _pulled(client, commit.name).commit_hash
        if now != commit.parent:
            raise UsageError(OVERTAKEN.format(name=commit.name, new=now[:8])) from None
        return client.push_prompt(f"{commit.name}:{now}")


def _pulled(client: Client, name: str) -> PromptCommit:
    """A commit with its model, as the hub has it now. Its manifest is data: nothing is made of it."""
    how = {"include_model": True, "skip_cache": True, "dangerously_pull_public_prompt": True}
    return client.pull_prompt_commit(name, **supported(client.pull_prompt_commit, **how))


def _replaced(manifest: Any, texts: Mapping[str, str]) -> Any:
    """A manifest with each string that is an old text replaced by the new one."""
    if isinstance(manifest, str):
        return texts.get(manifest, manifest)
    if isinstance(manifest, list):
        return [_replaced(item, texts) for item in manifest]
    if isinstance(manifest, Mapping):
        return {key: _replaced(item, texts) for key, item in manifest.items()}
    return manifest


def _strings(manifest: Any) -> Iterator[str]:
    if isinstance(manifest, str):
        yield manifest
    elif isinstance(manifest, list | Mapping):
        for item in manifest if isinstance(manifest, list) else manifest.values():
            yield from _strings(item)


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
