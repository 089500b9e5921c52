"""Guesses from names and descriptions whether a tool or function acts, where its code does not show it.

These lists are hints and no proof: `side_effects` consults them last.
"""

from __future__ import annotations

import re

ACTION_VERBS = frozenset({
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
"""Verbs in the names of tools that change something outside the process."""

READING_VERBS = frozenset({
    "calculate", "check", "compute", "count", "describe", "fetch", "find", "get", "list", "load", "look", "query",
    "read", "retrieve", "search", "show", "view",
})  # fmt: skip
"""Verbs at the beginning of the names of tools that only read, whatever else the names mention."""

NOUNS = frozenset({
    "booking", "change", "charge", "commit", "deploy", "email", "file", "invoice", "issue", "mail", "message", "order",
    "patch", "post", "purchase", "refund", "schedule", "sms", "text", "transfer",
})  # fmt: skip
"""Action verbs that are nouns as well: `order` in `order_status`."""

REPORT_NOUNS = READING_VERBS | {
    "balance", "content", "contents", "date", "detail", "details", "history", "id", "info", "information", "location",
    "lookup", "number", "price", "reader", "schema", "state", "status", "summary", "tracking", "type", "viewer",
}  # fmt: skip
"""Last words of the names of tools that only report on a thing."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_CLAUSE = re.compile(r"(?:^|[.!?:;\n]\s*|\b(?:to|and|or|can|will|then|which|that)\s+)([A-Za-z]+)")
"""Matches the words of a description that may be its verbs: at the start of a sentence or after a conjunction."""

EXECUTION_WORDS = frozenset({"exec", "execute", "run", "shell", "bash", "repl", "terminal"})
"""Words for tools that run whatever code they are given."""

_HARMLESS_METHODS = frozenset({
    "add", "change", "clear", "close", "file", "message", "open", "order", "place", "register", "reset", "run", "set",
    "sign", "start", "stop", "text", "write", "move", "schedule", "issue",
})  # fmt: skip
"""Action verbs that are also names of methods of harmless objects."""


def is_acting_name(name: str) -> bool:
    """Whether the name of a function that a tool calls suggests that it acts."""
    first = _first_word(name)
    return first in ACTION_VERBS - _HARMLESS_METHODS or first == "sendmail"


def is_reading_name(name: str) -> bool:
    """Whether the name of a function that a tool calls suggests that it only reads."""
    return _first_word(name) in READING_VERBS


def acting_word(name: str, description: str = "") -> str | None:
    """Returns the word of a tool's name or description that suggests that it acts, if any."""
    words: list[str] = [word.lower() for word in _WORDS.findall(name)]
    if words and words[0] in READING_VERBS:
        return None
    acting = (ACTION_VERBS - NOUNS if words and words[-1] in REPORT_NOUNS else ACTION_VERBS) | EXECUTION_WORDS
    if (found := next((word for word in words if word in acting), None)) is not None:
        return found
    first_paragraph = description.strip().partition("\n\n")[0]
    verbs: list[str] = [word.lower() for word in _CLAUSE.findall(first_paragraph)]
    if not verbs or verbs[0].removesuffix("s") in READING_VERBS:
        return None
    if verbs[0] in ACTION_VERBS or verbs[0].removesuffix("s") in ACTION_VERBS:
        return verbs[0]
    return next((word for word in verbs if word in EXECUTION_WORDS), None)


def _first_word(name: str) -> str:
    return next((word.lower() for word in _WORDS.findall(name)), "")
