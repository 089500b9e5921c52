"""The graphs as the project's functions build them; newer langgraph gives an edge no more than its annotation has."""

from typing import Any


def kv() -> Any:
    from agents.kv_agent import states

    states.DetectState = states.ProcessState

    from agents.kv_agent.agent import build_workflow

    return build_workflow()


def reg() -> Any:
    from agents.reg_agent.agent import build_workflow

    return build_workflow()
