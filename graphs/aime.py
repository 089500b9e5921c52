"""The paper's program for AIME and LiveBench-Math as a LangGraph graph: one prompt, which solves a problem.

Invoke it with `{"problem": ...}`; the final state holds the `reasoning`, which is the model's whole
reply, and the `answer`, which is what the reply's last `Answer:` line or box says. It runs on any
chat model (`AIME_MODEL`, as `init_chat_model` names them).
"""

import os
import re
from functools import cache
from typing import TypedDict

from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel
from langchain_core.prompts import ChatPromptTemplate
from langgraph.graph import START, StateGraph

SOLVE = ChatPromptTemplate.from_template("""\
Solve the problem and provide the answer in the correct format, on a last line that begins with "Answer:".

{problem}""")

ANSWER_LINE = re.compile(r"^[ \t*#_>]*(?:final )?answer[ \t*_]*:[\s*_]*(.*)$", re.IGNORECASE | re.MULTILINE)
BOX = re.compile(r"\\f?boxed\s*\{((?:[^{}]|\{[^{}]*\})*)\}")


class State(TypedDict, total=False):
    problem: str
    reasoning: str
    answer: str


@cache
def chat_model() -> BaseChatModel:
    """Made when first asked for, so that the graph can be looked at without a key."""
    return init_chat_model(os.environ.get("AIME_MODEL", "openai:gpt-4.1-mini"))


def extracted(reply: str) -> str:
    """The answer a reply ends with: its last answer line, else its last box, else its last line."""
    if lines := [line.strip(" \t*_") for line in ANSWER_LINE.findall(reply)]:
        return lines[-1]
    if boxes := BOX.findall(reply):
        return str(boxes[-1]).strip()
    return (reply.strip().splitlines() or [""])[-1].strip()


def solve(state: State) -> State:
    reply = (SOLVE | chat_model()).invoke({"problem": state["problem"]}).text
    return {"reasoning": reply, "answer": extracted(reply)}


graph = StateGraph(State).add_node(solve).add_edge(START, "solve").compile(name="aime")
