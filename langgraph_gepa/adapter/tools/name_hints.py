"""What the words of names and descriptions suggest that a tool does, where its code cannot tell."""

from __future__ import annotations

import re

DOING = frozenset({
    "add", "approve", "archive", "assign", "authorize", "ban",
    "block", "book", "buy", "cancel", "change", "charge", "checkout",
    "clear", "close", "commit", "confirm", "create", "deactivate", "debit", "decline", "delete", "deploy", "destroy",
    "disable", "dispatch", "drop", "edit", "email", "enable", "erase", "escalate", "exec", "execute", "expire",
    "file", "forward", "grant", "hire", "insert", "install", "invite", "invoice", "issue", "kill", "launch", "mail",
    "merge", "message", "modify", "move", "notify", "open", "order", "overwrite", "patch", "pay", "place", "post",
    "provision", "publish", "purchase", "push", "put", "reboot", "refund", "register", "reject", "remove", "rename",
    "reply", "reset", "restart", "revoke", "run", "save", "schedule", "sell", "send", "set", "shell", "ship",
    "shutdown", "sign", "sms", "start", "stop", "submit", "subscribe", "terminate", "text", "transfer", "trigger",
    "tweet", "unsubscribe", "update", "upgrade", "upload", "upsert", "wipe", "wire", "withdraw", "write",
})  # fmt: skip
"""Verbs of tools that change something outside."""

READING = frozenset({
    "calculate", "check", "compute", "count", "describe", "fetch", "find", "get", "list", "load", "look", "query",
    "read", "retrieve", "search", "show", "view",
})  # fmt: skip
"""Verbs of tools that do not, whatever else their names mention."""

THINGS = frozenset({
    "booking", "change", "charge", "commit", "deploy", "email", "file", "invoice", "issue", "mail", "message", "order",
    "patch", "post", "purchase", "refund", "schedule", "sms", "text", "transfer",
})  # fmt: skip
"""Words that are verbs of harm and names of things as well: `order` in `order_status` is one."""

ABOUT = READING | {
    "balance", "content", "contents", "date", "detail", "details", "history", "id", "info", "information", "location",
    "lookup", "number", "price", "reader", "schema", "state", "status", "summary", "tracking", "type", "viewer",
}  # fmt: skip
"""What a thing's name ends in when the tool only reports on it."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_CLAUSE = re.compile(r"(?:^|[.!?:;\n]\s*|\b(?:to|and|or|can|will|then|which|that)\s+)([A-Za-z]+)")
"""The words of a description that may be its verbs: at the start of a sentence, or after `to`, `and` and their like."""
EXECUTING = frozenset({"exec", "execute", "run", "shell", "bash", "repl", "terminal"})
"""Words for tools that run whatever they are given."""
_QUIET = frozenset({
    "add", "change", "clear", "close", "file", "message", "open", "order", "place", "register", "reset", "run", "set",
    "sign", "start", "stop", "text", "write", "move", "schedule", "issue",
})  # fmt: skip
"""Verbs that methods of harmless objects bear as well."""


def acting(name: str) -> bool:
    """Whether a function of this name, met in a tool's code, changes something outside."""
    first = next((word.lower() for word in _WORDS.findall(name)), "")
    return first in DOING - _QUIET or first == "sendmail"


def reading(name: str) -> bool:
    """Whether a function of this name only looks something up."""
    return next((word.lower() for word in _WORDS.findall(name)), "") in READING


def side_effect(name: str, description: str = "") -> str | None:
    """The word that suggests that a tool changes something outside, `None` when nothing does. A guess from words."""
    words: list[str] = [word.lower() for word in _WORDS.findall(name)]
    if words and words[0] in READING:
        return None
    done = (DOING - THINGS if words and words[-1] in ABOUT else DOING) | EXECUTING
    if (found := next((word for word in words if word in done), None)) is not None:
        return found
    first = description.strip().partition("\n\n")[0]
    does = [word.lower() for word in _CLAUSE.findall(first)]
    if does and does[0].removesuffix("s") in READING:
        return None
    return next((word for word in does[:1] if word in DOING or word.removesuffix("s") in DOING), None) or next(
        (word for word in does if word in EXECUTING), None
    )
