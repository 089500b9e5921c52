"""What must change in the support desk before gepa can try a prompt: each becomes an argument.

These three functions stand in for those of the same names in `langgraph_gepa.demo.helpdesk`.
"""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, SystemMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from langgraph_gepa.demo.helpdesk import DESKS, TOOLS, Desk, Ticket, hand_over, work


def route(model: BaseChatModel, prompt: str, state: Ticket) -> str:
    reply = model.invoke([SystemMessage(prompt), HumanMessage(state["ticket"])])
    desk = reply.text.strip().strip(".").lower()
    return desk if desk in DESKS else "human"


def write(model: BaseChatModel, prompt: str, state: Ticket) -> Ticket:
    facts = json.dumps({"ticket": state["ticket"], "notes": state["notes"]}, ensure_ascii=False)
    return {"reply": model.invoke([SystemMessage(prompt.format(name=state["name"])), HumanMessage(facts)]).text}


def build(model: BaseChatModel, prompts: Mapping[str, str]) -> CompiledStateGraph[Any, Any, Any, Any]:
    agent = create_agent(model, TOOLS, system_prompt=prompts["agent_prompt"], context_schema=Desk, name="agent")
    builder = StateGraph(Ticket)
    for desk in DESKS:
        builder.add_node(desk, partial(work, agent, desk))
        builder.add_edge(desk, "write")
    builder.add_node("human", hand_over)
    builder.add_edge("human", "write")
    builder.add_node("write", partial(write, model, prompts["writer_prompt"]))
    builder.add_conditional_edges(START, partial(route, model, prompts["router_prompt"]), [*DESKS, "human"])
    builder.add_edge("write", END)
    return builder.compile(name="helpdesk")
