"""A user's function in place of the reflection model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import httpx
import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage

from langgraph_gepa.adapter.proposer import FunctionProposer
from langgraph_gepa.core.module import Module
from langgraph_gepa.core.rollout import Feedback, Rollout
from langgraph_gepa.engine.ports import Reply
from langgraph_gepa.errors import ModelError, UsageError
from langgraph_gepa.reflection.records import Record
from langgraph_gepa.reflection.reply_parser import parse_reply

MODULE = Module("writer", "prompt", "Write.")
RECORDS = [Record({"q": 1}, Rollout("e", {"a": 2}, Feedback(0.0, "Wrong.")))]


def proposed(function: Any) -> Reply:
    return asyncio.run(FunctionProposer(function).propose(MODULE, "Write.", RECORDS))


def plain(module: Module, text: str, records: Sequence[Record]) -> str:
    return f"{text} {records[0].rollout.feedback.comment} ({module.name})"


async def asynchronous(module: Module, text: str, records: Sequence[Record]) -> str:
    return plain(module, text, records)


class Writer:
    async def __call__(self, *given: Any) -> str:
        return plain(*given)


def prefixed(prefix: str, module: Module, text: str, records: Sequence[Record]) -> str:
    return f"{prefix}{plain(module, text, records)}"


@pytest.mark.parametrize(
    "function", [plain, asynchronous, Writer(), lambda *given: asynchronous(*given), partial(prefixed, "")]
)
def test_any_callable_proposes(function: Callable[..., Any]) -> None:
    """Sync, async, an object, a function that returns an awaitable, and one with arguments of its own."""
    assert parse_reply(proposed(function).text, "Write.").text == "Write. Wrong. (writer)"


@pytest.mark.parametrize("text", ["``` five\n`````\nWrite.", "  indented\n", "a\r\nb", "{x: 1}", "One line.", "\ud800"])
def test_a_text_is_read_as_it_was_returned(text: str) -> None:
    """Whatever fences, spaces, line ends or braces are in it; a lone surrogate becomes U+FFFD."""
    read = parse_reply(proposed(lambda *_: text).text, "Write.").text
    assert read == text.replace("\ud800", "\ufffd")


@pytest.mark.parametrize("same", [None, "Write.", " Write.\n"])
def test_none_or_the_same_text_is_no_change(same: str | None) -> None:
    """Neither is a fault."""
    assert parse_reply(proposed(lambda *_: same).text, "Write.").unchanged


@pytest.mark.parametrize("value", [3, ["Write."], {"text": "Write."}, b"Write."])
def test_a_value_that_is_no_text_is_an_error(value: Any) -> None:
    """It names the module and what to return."""
    with pytest.raises(ModelError, match="for writer: it must return the new text, or None"):
        proposed(lambda *_: value)


def test_an_exception_says_where_it_was_raised() -> None:
    """The user's own mistake is theirs to fix."""

    def broken(*_: Any) -> str:
        raise KeyError("score")

    with pytest.raises(ModelError, match=r"The proposer raised KeyError.*test_proposer.py"):
        proposed(broken)


def test_a_stop_iteration_does_not_hang() -> None:
    """A future would never deliver it."""
    with pytest.raises(ModelError, match="StopIteration"):
        proposed(lambda *_: next(iter(())))


def test_a_failure_of_the_world_is_raised_as_it_is() -> None:
    """So that it is tried again."""

    def offline(*_: Any) -> str:
        raise httpx.ConnectError("no route")

    with pytest.raises(httpx.ConnectError):
        proposed(offline)


@pytest.mark.parametrize("function", ["propose", 3, lambda text: text, lambda: "", lambda a, b, c, d: a])
def test_what_cannot_be_called_with_three_arguments_is_refused_at_once(function: Any) -> None:
    """Before anything is paid for."""
    with pytest.raises(UsageError, match="function, sync or async, of a module, its text and records"):
        FunctionProposer(function)


def test_a_proposer_reads_examples_as_the_mask_leaves_them() -> None:
    """As a reflection model does: it may send them to another provider."""
    seen: list[Record] = []
    proposer = FunctionProposer(lambda module, text, records: seen.extend(records))
    proposer.mask = lambda text: text.replace("Ada", "<name>")
    asyncio.run(proposer.propose(MODULE, "Write.", [Record({"to": ["Ada"]}, RECORDS[0].rollout, {"by": "Ada"})]))
    assert [(record.inputs, record.reference) for record in seen] == [({"to": ["<name>"]}, {"by": "<name>"})]


@pytest.mark.parametrize("in_thread", [True, False])
def test_the_model_calls_of_a_proposer_are_counted(in_thread: bool) -> None:
    """Wherever they are made."""
    usage = {"input_tokens": 40, "output_tokens": 2, "total_tokens": 42}
    model = GenericFakeChatModel(messages=iter([AIMessage("Be kind.", usage_metadata=usage)]))

    async def ask(*_: Any) -> str:
        return str((await model.ainvoke("Improve.")).text)

    reply = proposed((lambda *_: str(model.invoke("Improve.").text)) if in_thread else ask)
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (40, 2)
