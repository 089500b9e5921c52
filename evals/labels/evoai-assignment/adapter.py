"""The settings of a provider; a module that newer langchain-core no longer has; messages as objects."""

import os
import sys
import types
from typing import Any

import pydantic
from langchain_core.messages import HumanMessage


def prepare() -> None:
    keys = {"API_KEY": "simulated", "MODEL_NAME": "simulated", "BASE_URL": os.environ["OPENAI_BASE_URL"]}
    os.environ.update({"LLM_PROVIDER": "openrouter", **{f"OPENROUTER_{key}": value for key, value in keys.items()}})
    older: Any = types.ModuleType("langchain_core.pydantic_v1")
    older.BaseModel, older.Field = pydantic.BaseModel, pydantic.Field
    sys.modules[older.__name__] = older


def products() -> dict[str, Any]:
    return {"messages": [HumanMessage("What could I wear to a garden party?")]}


def order() -> dict[str, Any]:
    return {"messages": [HumanMessage("Cancel order A1002, my email is alex@example.com")]}
