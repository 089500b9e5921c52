"""Recognises exceptions due to an unreadable answer in spite of HTTP 200: cut off, an error page, no `choices`.

How a graph parses a model's words is the candidate's, so there must be proof that a server's answer could not be read:
an HTTP response raised the exception or holds the very text that is no JSON; an installed client raised it during a
model call; the expression that failed takes the first of OpenAI's `choices`; or the code held an error body.
"""

from __future__ import annotations

import ast
import json
import linecache
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from inspect import getattr_static
from itertools import islice
from types import FrameType
from typing import Any

from pydantic import BaseModel, ValidationError

from langgraph_gepa.adapter.failures.causes import is_server_error
from langgraph_gepa.adapter.failures.frames import frames, is_installed, is_library, is_standard

SHAPES = (ValueError, LookupError, TypeError, AttributeError)
"""What code raises when an answer has not the form that it expects."""

CHOICES = "choices"


class NoAnswerError(Exception):
    """A model call ended without an answer in it."""


def is_unreadable(error: BaseException, *, in_model_call: bool = False) -> bool:
    """Whether `error` was raised because a server's answer could not be read.

    `in_model_call` means that it ended a model call, whose client reads nothing but the answer.
    """
    if isinstance(error, NoAnswerError):
        return True
    if not isinstance(error, SHAPES) or isinstance(error, UnicodeEncodeError) or _is_of_users_schema(error):
        return False
    if in_model_call and is_library(error):
        return True
    return _is_of_response(error) or _is_of_error_body(error) or _takes_first_choice(error)


def _is_of_users_schema(error: BaseException) -> bool:
    """Whether pydantic refused a value for a schema that is not an installed client's, but the user's."""
    if not isinstance(error, ValidationError):
        return False
    held = ((frame.f_locals.get("cls"), type(frame.f_locals.get("self"))) for frame in frames(error))
    schemas = (kind for pair in held for kind in pair if isinstance(kind, type) and issubclass(kind, BaseModel))
    schema = next((kind for kind in schemas if kind.__name__ == error.title), None)
    return schema is None or not is_installed(schema)


def _is_of_response(error: BaseException) -> bool:
    """Whether an HTTP response could not be decoded, or holds the text that could not be parsed."""
    through = list(frames(error))
    reader = next((frame for frame in through if not is_standard(frame)), None)
    readers = [frame.f_locals.get("self") for frame in [reader] if frame is not None]
    readers += [frame.f_locals.get("fp") for frame in through if is_standard(frame)]
    if any(_answers(one) for one in readers):
        return True
    if not isinstance(error, json.JSONDecodeError):
        return False
    held = (value for frame in through for value in frame.f_locals.values() if _answers(value))
    return any(_text(one) == error.doc for one in islice(held, 20))


def _answers(value: Any) -> bool:
    """Whether `value` is an HTTP response whose status does not blame the caller."""
    if getattr_static(value, "headers", None) is None:
        return False
    named = (name for name in ("status_code", "status") if getattr_static(value, name, None) is not None)
    status = next((getattr(value, name, None) for name in named), None)
    return isinstance(status, int) and (200 <= status < 300 or status == HTTPStatus.TOO_MANY_REQUESTS or status >= 500)


def _text(response: Any) -> str | None:
    """The body of a response, if it was read already."""
    try:
        text = getattr(response, "text", None)
    except Exception:  # noqa: BLE001 - any client's error for a stream that was not read
        return None
    return text if isinstance(text, str) else None


def _is_of_error_body(error: BaseException) -> bool:
    """Whether something is missing from an answer that describes, instead, how the server failed."""
    raiser = next(frames(error), None)
    if raiser is None or isinstance(error, ValueError | AttributeError):
        return False
    held = list(raiser.f_locals.values())
    bodies = [value for value in held if isinstance(value, Mapping)]
    bodies += [body for value in held if _answers(value) and isinstance(body := _parsed(_text(value)), Mapping)]
    return any(body.get("error") and is_server_error(body) for body in bodies)


def _parsed(text: str | None) -> Any:
    try:
        return json.loads(text or "")
    except ValueError:
        return None


def _takes_first_choice(error: BaseException) -> bool:
    """Whether `….choices[0]` or `…["choices"][0]` is what failed."""
    raiser = next(frames(error), None)
    failed = _failed_at(error)
    if raiser is None or failed is None:
        return False
    return any(_is_first_choice(node) and _covers(node, failed) for node in _nodes(raiser))


Span = tuple[int, int, int, int]
"""First and last line, first and last column (in bytes) of an expression."""


def _failed_at(error: BaseException) -> Span | None:
    """The span of the expression that raised `error`."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or trace.tb_lasti < 0:
        return None
    positions = trace.tb_frame.f_code.co_positions()
    position = next(islice(positions, trace.tb_lasti // 2, None), (None,) * 4)
    line, end_line, column, end_column = position
    if line is None or end_line is None or column is None or end_column is None:
        return None
    return line, end_line, column, end_column


def _nodes(frame: FrameType) -> Iterator[ast.AST]:
    source = "".join(linecache.getlines(frame.f_code.co_filename, frame.f_globals))
    try:
        return ast.walk(ast.parse(source))
    except SyntaxError:
        return iter(())


def _is_first_choice(node: ast.AST) -> bool:
    if not isinstance(node, ast.Subscript) or not _is(node.slice, 0):
        return False
    held = node.value
    if isinstance(held, ast.Call):  # answer.get("choices")[0]
        return bool(held.args) and _is(held.args[0], CHOICES)
    named = isinstance(held, ast.Attribute) and held.attr == CHOICES
    return named or (isinstance(held, ast.Subscript) and _is(held.slice, CHOICES))


def _is(node: ast.AST, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value == value and type(node.value) is type(value)


def _covers(node: ast.AST, failed: Span) -> bool:
    """Whether `node` failed, or its part that ends in `choices`; not the call before that."""
    if not isinstance(node, ast.Subscript):
        return False
    return any((one.lineno, one.end_lineno, one.col_offset, one.end_col_offset) == failed for one in (node, node.value))
