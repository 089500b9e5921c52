"""Better prompts for an existing LangGraph graph, by reflective evolution (GEPA).

The names are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langgraph_gepa.adapter.discovery.declared import prompt
    from langgraph_gepa.adapter.discovery.survey import bind
    from langgraph_gepa.adapter.rollout.options import RunnerOptions
    from langgraph_gepa.adapter.tools.tool_cache import ToolCache
    from langgraph_gepa.api import discover, evaluate, optimize, resume, search_outputs
    from langgraph_gepa.core.budget import Budget
    from langgraph_gepa.core.module import Module
    from langgraph_gepa.core.rollout import Feedback
    from langgraph_gepa.errors import Error
    from langgraph_gepa.reflection.prompt import records_text
    from langgraph_gepa.reflection.records import Record
    from langgraph_gepa.runs.dry_run import dry_run
    from langgraph_gepa.runs.outputs import Found
    from langgraph_gepa.runs.prompts import load_prompts
    from langgraph_gepa.runs.result import Outputs, Result
    from langgraph_gepa.server.serving import serve

__all__ = [
    "Budget",
    "Error",
    "Feedback",
    "Found",
    "Module",
    "Outputs",
    "Record",
    "Result",
    "RunnerOptions",
    "ToolCache",
    "bind",
    "discover",
    "dry_run",
    "evaluate",
    "load_prompts",
    "optimize",
    "prompt",
    "records_text",
    "resume",
    "search_outputs",
    "serve",
]

_HOMES = {
    "Budget": "core.budget",
    "Error": "errors",
    "Feedback": "core.rollout",
    "Found": "runs.outputs",
    "Module": "core.module",
    "Outputs": "runs.result",
    "Record": "reflection.records",
    "Result": "runs.result",
    "RunnerOptions": "adapter.rollout.options",
    "ToolCache": "adapter.tools.tool_cache",
    "bind": "adapter.discovery.survey",
    "discover": "api",
    "dry_run": "runs.dry_run",
    "evaluate": "api",
    "load_prompts": "runs.prompts",
    "optimize": "api",
    "prompt": "adapter.discovery.declared",
    "records_text": "reflection.prompt",
    "resume": "api",
    "search_outputs": "api",
    "serve": "server.serving",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("langgraph-gepa")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
