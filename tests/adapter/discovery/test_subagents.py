"""Descriptions of sub-agents in the tool that leads to them, as deep agents have it."""

from __future__ import annotations

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.tools import StructuredTool

from langgraph_gepa.adapter.discovery.survey import survey
from langgraph_gepa.errors import PlaceholderError

LISTING = "Hand a task to an agent in {braces}. Known agents:\n%s\nThey answer once."
SPECS: list[dict[str, Any]] = [
    {"name": "history-buff", "description": "Knows the {years} of every king.", "system_prompt": "You know history."},
    {"name": "cook", "description": "Cooks from what is in the house.", "system_prompt": "You cook with care."},
]


def supervisor(model: Any) -> Any:
    """An agent with a tool that runs other agents, found by name in its closure."""
    by_name = {
        spec["name"]: {**spec, "runnable": create_agent(model, system_prompt=spec["system_prompt"])} for spec in SPECS
    }

    def task(description: str, agent: str) -> str:
        answer = by_name[agent]["runnable"].invoke({"messages": [("user", description)]})
        return str(answer["messages"][-1].text)

    listing = LISTING % "\n".join(f"- {spec['name']}: {spec['description']}" for spec in SPECS)
    return create_agent(model, [StructuredTool.from_function(task, description=listing)], system_prompt="You lead.")


def descriptions_sent(graph: Any, echo: Any) -> str:
    graph.invoke({"messages": [("user", "Who was first?")]})
    return str(echo.told()["task"])


def test_a_sub_agents_description_is_a_text_of_its_own(echo: Any) -> None:
    """It fills a placeholder of the tool's, and both are bound together and apart; the original says what it said."""
    graph = supervisor(echo)
    before = descriptions_sent(graph, echo)
    found = survey(graph)
    texts = {module.name: module.text for module in found.modules if module.kind == "tool"}
    assert texts == {
        "tool:task": "Hand a task to an agent in {{braces}}. Known agents:\n"
        "- history-buff: {history_buff}\n- cook: {cook}\nThey answer once.",
        "tool:task.history_buff": "Knows the {years} of every king.",
        "tool:task.cook": "Cooks from what is in the house.",
    }
    cook = found.bind({"tool:task.cook": "Cooks for {ten}."})
    assert descriptions_sent(cook, echo) == before.replace("Cooks from what is in the house.", "Cooks for {ten}.")
    both = survey(cook).bind({"tool:task": "Ask {cook} or {history_buff}."})
    assert descriptions_sent(both, echo) == "Ask Cooks for {ten}. or Knows the {years} of every king.."
    with pytest.raises(PlaceholderError, match=r"loses the placeholder \{cook\}"):
        found.bind({"tool:task": "Ask {history_buff}."})
    assert descriptions_sent(graph, echo) == before
    assert SPECS[1]["description"] == "Cooks from what is in the house."
