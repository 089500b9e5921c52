"""What must not be kept or passed on: keys, always; whatever else a user's function hides."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote, quote_plus

from pydantic import BaseModel, SecretStr

from langgraph_gepa.adapter.failures.causes import chain
from langgraph_gepa.adapter.failures.classification import is_world_failure
from langgraph_gepa.adapter.failures.diagnosis import diagnosis
from langgraph_gepa.adapter.rollout.credentials import HIDDEN, hide_credentials, passwords_in
from langgraph_gepa.core.printable import visible
from langgraph_gepa.core.rollout import Call, Rollout
from langgraph_gepa.errors import Error, UsageError

Mask = Callable[[str], str]
"""From a text to the text as it may be kept: `lambda text: re.sub(r"[\\w.]+@[\\w.]+", "<email>", text)`."""

SHORTEST = 8
"""Shorter values are no keys, and hiding them would hide ordinary words."""

_NAMES = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$")
_HEADERS = re.compile(r"authorization|api-?key|token|secret|cookie", re.IGNORECASE)
_PREFIXES = ("sk", "pk", "rk", "gsk", "xai", "lsv2", "ghp", "gho", "github_pat", "glpat", "hf", "npm",
             "xoxa", "xoxb", "xoxp", "xoxr", "xoxs")  # fmt: skip
_SHAPES = re.compile(
    rf"(?<![A-Za-z0-9])(?:(?:{'|'.join(_PREFIXES)})[-_][A-Za-z0-9_-]{{16,}}"
    r"|AKIA[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{30,}|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+)"
    r"|(?<=Bearer )[A-Za-z0-9._~+/=-]{8,}"
)
"""Keys by their looks, for those that stand in no object or variable we know of."""

_STARTS = ("AKIA", "AIza", "eyJ", "Bearer ", *(prefix + joint for prefix in _PREFIXES for joint in "-_"))
"""One of these is in every text that has a key of a known shape: far quicker to look for in megabytes."""


def secrets_of(models: Iterable[Any], environment: Mapping[str, str] = os.environ) -> frozenset[str]:
    """Values that are keys: secret fields and headers of the models, environment variables named like keys, and the
    passwords in the URLs of all others."""
    found = {value for name, value in environment.items() if _NAMES.search(name.upper())}
    found |= {password for value in environment.values() for password in passwords_in(value)}
    for model in models:
        if isinstance(model, BaseModel):
            for name in type(model).model_fields:
                found |= set(_held(getattr(model, name, None)))
    return frozenset(value for value in found if len(value) >= SHORTEST)


def masking(secrets: Iterable[str], mask: Mask | None = None) -> Mask:
    """Hides the secrets, whatever looks like a key and what stands where credentials do, then applies the user's own
    mask."""
    values = sorted({spelled for value in secrets for spelled in _spelled(value)}, key=len, reverse=True)

    def hide(text: str) -> str:
        for value in values:
            text = text.replace(value, HIDDEN)
        if any(start in text for start in _STARTS):
            text = _SHAPES.sub(HIDDEN, text)
        text = hide_credentials(text)
        if mask is None:
            return text
        try:
            shown = mask(text)
        except Exception as error:
            raise UsageError(f"mask raised {type(error).__name__}, so nothing was kept. Mend it and resume.") from error
        if not isinstance(shown, str):
            raise UsageError(f"mask must return text; it returned {type(shown).__name__}.")
        return shown

    return hide


def masked(value: Any, mask: Mask) -> Any:
    """Plain JSON data with every text in it masked, keys of mappings too."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {mask(key): masked(item, mask) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked(item, mask) for item in value]
    return value


def masked_rollout(rollout: Rollout, mask: Mask) -> Rollout:
    """The rollout as it may be kept and shown: all texts masked, all numbers as they are."""
    feedback = dataclasses.replace(
        rollout.feedback,
        comment=mask(rollout.feedback.comment),
        by_module={name: mask(comment) for name, comment in rollout.feedback.by_module.items()},
    )
    return dataclasses.replace(
        rollout,
        outputs=masked(rollout.outputs, mask),
        feedback=feedback,
        calls=tuple(_masked_call(call, mask) for call in rollout.calls),
        error=rollout.error and mask(rollout.error),
    )


def clean(error: BaseException, mask: Mask) -> None:
    """Masks what an exception and those that led to it say, in place, and makes control characters in it visible:
    tracebacks and loggers show it."""

    def shown(text: str) -> str:
        return visible(mask(text))

    for one in chain(error):
        one.args = tuple(shown(arg) if isinstance(arg, str) else arg for arg in one.args)
        for name in ("message", "body"):
            held = getattr(one, name, None)
            if isinstance(held, str | dict):
                with suppress(AttributeError):  # a property, made of the arguments that are masked already
                    setattr(one, name, masked(held, shown))


@contextmanager
def explained(what: str, mask: Mask) -> Iterator[None]:
    """Where nothing can be resumed, a failure of the world is a `UsageError`: what failed, why, and what to check."""
    try:
        yield
    except Error:
        raise
    except Exception as failure:
        clean(failure, mask)
        if not is_world_failure(failure):
            raise
        raise UsageError(f"{what}: {diagnosis(failure)}.") from failure


def _masked_call(call: Call, mask: Mask) -> Call:
    return dataclasses.replace(
        call,
        inputs=masked(call.inputs, mask),
        output=masked(call.output, mask),
        error=call.error and mask(call.error),
    )


def _spelled(secret: str) -> Iterable[str]:
    """A secret as it is, in a URL, in a form and in JSON."""
    return secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]


def _held(value: Any) -> Iterable[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if isinstance(item, SecretStr):
                yield item.get_secret_value()
            elif isinstance(item, str) and _HEADERS.search(str(name)):
                yield item.removeprefix("Bearer ").removeprefix("Basic ")
