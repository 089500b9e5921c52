"""A small chat model that says what it was told, and graphs made around it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field, PrivateAttr

from langgraph_gepa.runs import job


class EchoModel(BaseChatModel):
    """Records every call's messages and tools. Answers with the system message, or with `reply(messages)`."""

    reply: Callable[[list[BaseMessage]], AIMessage] | None = Field(default=None)
    _calls: list[tuple[list[BaseMessage], dict[str, Any]]] = PrivateAttr(default_factory=list)
    _lock: Any = PrivateAttr(default_factory=threading.Lock)

    @property
    def _llm_type(self) -> str:
        return "echo"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with self._lock:
            self._calls.append((list(messages), kwargs))
        if self.reply is not None:
            message = self.reply(messages)
        else:
            message = AIMessage("\n".join(str(m.content) for m in messages if m.type == "system"))
        return ChatResult(generations=[ChatGeneration(message=message)])

    @property
    def calls(self) -> list[tuple[list[BaseMessage], dict[str, Any]]]:
        return self._calls

    def heard(self) -> str:
        """Everything in the messages of all calls so far."""
        return "\n".join(str(message.content) for messages, _ in self._calls for message in messages)

    def told(self) -> dict[str, str]:
        """The descriptions of the tools in the last call."""
        return {t["function"]["name"]: t["function"]["description"] for t in self._calls[-1][1].get("tools", [])}


@pytest.fixture
def echo() -> EchoModel:
    return EchoModel()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The waits are short; how often and why is what is tested."""
    quick = replace(job.WORLD, first=0.005, most=0.02, outage=60.0, unanswered=0.1)
    monkeypatch.setattr(job, "WORLD", quick)
    monkeypatch.setattr("langgraph_gepa.runs.evaluate.WORLD", quick)
