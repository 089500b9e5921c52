"""Redacts API keys, and whatever the user's mask hides, in everything that is stored or passed on."""

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
"""Returns a text as it may be stored: `lambda text: re.sub(r"[\\w.]+@[\\w.]+", "<email>", text)`."""

MIN_LENGTH = 8
"""Shorter values are no keys, and to hide them would hide ordinary words."""

_NAMES = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$")
_HEADERS = re.compile(r"authorization|api-?key|token|secret|cookie", re.IGNORECASE)
_PREFIXES = ("sk", "pk", "rk", "gsk", "xai", "lsv2", "ghp", "gho", "github_pat", "glpat", "hf", "npm",
             "xoxa", "xoxb", "xoxp", "xoxr", "xoxs")  # fmt: skip
_SHAPES = re.compile(
    rf"(?<![A-Za-z0-9])(?:(?:{'|'.join(_PREFIXES)})[-_][A-Za-z0-9_-]{{16,}}"
    r"|AKIA[A-Z0-9]{16}|AIza[A-Za-z0-9_-]{30,}|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+)"
    r"|(?<=Bearer )[A-Za-z0-9._~+/=-]{8,}"
)
"""Matches keys by their form, for those that are not in any object or variable we know of."""

_STARTS = ("AKIA", "AIza", "eyJ", "Bearer ", *(prefix + joint for prefix in _PREFIXES for joint in "-_"))
"""A text with a key of a known form contains one of these, which are far quicker to search for in megabytes."""


def secrets_of(models: Iterable[Any], environment: Mapping[str, str] = os.environ) -> frozenset[str]:
    """Returns the values that are secret.

    They are secret fields and headers of the models, environment variables with names of keys, and the passwords in
    URLs of all other variables.
    """
    found = {value for name, value in environment.items() if _NAMES.search(name.upper())}
    found |= {password for value in environment.values() for password in passwords_in(value)}
    for model in models:
        if isinstance(model, BaseModel):
            for name in type(model).model_fields:
                found |= set(_secrets_in(getattr(model, name, None)))
    return frozenset(value for value in found if len(value) >= MIN_LENGTH)


def masking(secrets: Iterable[str], mask: Mask | None = None) -> Mask:
    """Returns a mask that hides the secrets, what has the form of a key or is a credential, and then applies `mask`."""
    values = sorted({spelling for value in secrets for spelling in _spellings(value)}, key=len, reverse=True)

    def hide(text: str) -> str:
        for value in values:
            text = text.replace(value, HIDDEN)
        if any(start in text for start in _STARTS):
            text = _SHAPES.sub(HIDDEN, text)
        text = hide_credentials(text)
        if mask is None:
            return text
        try:
            hidden = mask(text)
        except Exception as error:
            raise UsageError(f"mask raised {type(error).__name__}, so nothing was kept. Fix it and resume.") from error
        if not isinstance(hidden, str):
            raise UsageError(f"mask must return text; it returned {type(hidden).__name__}.")
        return hidden

    return hide


def masked(value: Any, mask: Mask) -> Any:
    """Returns plain JSON data with every text in it masked, keys of mappings too."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {mask(key): masked(item, mask) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked(item, mask) for item in value]
    return value


def masked_rollout(rollout: Rollout, mask: Mask) -> Rollout:
    """Returns a rollout with all texts masked and all numbers unchanged."""
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
    """Masks the messages of an exception and of those that led to it, in place, as tracebacks and loggers show them.

    Control characters are made visible.
    """

    def printable(text: str) -> str:
        return visible(mask(text))

    for one in chain(error):
        one.args = tuple(printable(arg) if isinstance(arg, str) else arg for arg in one.args)
        for name in ("message", "body"):
            value = getattr(one, name, None)
            if isinstance(value, str | dict):
                with suppress(AttributeError):  # a property, made of the arguments that are masked already
                    setattr(one, name, masked(value, printable))


@contextmanager
def explained(what: str, mask: Mask) -> Iterator[None]:
    """Raises a failure of the world as a `UsageError` that says `what` failed, why, and what to check.

    It is for commands without a run that could be resumed.
    """
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


def _spellings(secret: str) -> Iterable[str]:
    """A secret as it is, in a URL, in a form and in JSON."""
    return secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]


def _secrets_in(value: Any) -> Iterable[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if isinstance(item, SecretStr):
                yield item.get_secret_value()
            elif isinstance(item, str) and _HEADERS.search(str(name)):
                yield item.removeprefix("Bearer ").removeprefix("Basic ")
