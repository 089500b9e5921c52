"""Modules that newer langchain keeps elsewhere; messages are objects in a state without a reducer."""

import sys
import types
from typing import Any

import langchain_core.messages
import langchain_core.prompts
from langchain_core.messages import HumanMessage


def prepare() -> None:
    schema: Any = types.ModuleType("langchain.schema")
    schema.messages = langchain_core.messages
    sys.modules["langchain.schema"] = schema
    sys.modules["langchain.schema.messages"] = langchain_core.messages
    sys.modules["langchain.prompts"] = langchain_core.prompts


def research() -> dict[str, Any]:
    return {"messages": [HumanMessage("Which teas are drunk in winter?")]}


def chat() -> dict[str, Any]:
    return {"messages": [HumanMessage("Hello")]}
