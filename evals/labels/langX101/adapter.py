"""The graph as the project's main builds it; a chat model in place of a completion model on the user's machine."""

from typing import Any

from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI


def prepare() -> None:
    import langchain_ollama

    langchain_ollama.OllamaLLM = lambda **_: ChatOpenAI(model="simulated")


def graph() -> Any:
    from plan_and_execute import create_agentic_workflow_graph

    return create_agentic_workflow_graph()


def inputs() -> dict[str, Any]:
    counts = {"replan_count": 0, "max_replans": 3, "workflow_phase": "planning"}
    empty = {"plan": "", "current_step": "", "results": [], "reflection_results": []}
    return {"messages": [HumanMessage("Make a cup of tea.")], **empty, **counts}
