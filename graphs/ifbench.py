"""The paper's IFBench program as a LangGraph graph: a draft, then a check against the query, two prompts.

    respond -> correct

Invoke it with `{"query": ...}`; the final state holds the `response`, and beside it the `draft`.
It runs on any chat model (`IFBENCH_MODEL`, as `init_chat_model` names them). The paper's program
asks for a chain of thought before each reply; here thinking is left to the model.
"""

import os
from functools import cache
from typing import TypedDict

from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel
from langgraph.graph import START, StateGraph

RESPOND = """\
Respond to the query.

Query: {query}"""

CORRECT = """\
Ensure the response is correct and adheres to the given constraints. Your response will be used as the final response.

Query: {query}

Response: {response}"""


class State(TypedDict, total=False):
    """`draft` is the first reply, `response` the corrected one."""

    query: str
    draft: str
    response: str


@cache
def chat_model() -> BaseChatModel:
    """Made when first needed, so that the graph can be looked at without a key."""
    return init_chat_model(os.environ.get("IFBENCH_MODEL", "openai:gpt-4.1-mini"))


def respond(state: State) -> State:
    return {"draft": chat_model().invoke(RESPOND.format(query=state["query"])).text}


def correct(state: State) -> State:
    return {"response": chat_model().invoke(CORRECT.format(query=state["query"], response=state["draft"])).text}


graph = StateGraph(State).add_sequence([respond, correct]).add_edge(START, "respond").compile(name="ifbench")
