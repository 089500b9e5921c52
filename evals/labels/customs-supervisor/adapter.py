"""The graph with its real model, which its settings turn off by default."""

import sys
import types
from typing import Any

from strangers.standins import canned


def prepare() -> None:
    settings: Any = types.ModuleType("src.config")
    settings.get_settings = canned(use_mock_llm=False, openai_model="simulated", openai_api_key="simulated")
    sys.modules["src.config"] = settings


def graph() -> Any:
    from src.graph.workflow import compile_graph

    return compile_graph()


def laptop() -> dict[str, Any]:
    return _asked("미국 노트북 수입 통관 절차와 관세율 알려줘")


def unknown() -> dict[str, Any]:
    return _asked("xyz")


def _asked(said: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": said}], "session_id": "1", "agent_results": {}}
