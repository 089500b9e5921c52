"""The paper's HoVer program as a LangGraph graph: three hops of retrieval, four prompts.

    retrieve1 -> summarize1 -> create_query_hop2 -> retrieve2 -> summarize2 -> create_query_hop3 -> retrieve3

Invoke it with `{"claim": ...}`; the final state holds the passages that each hop found, which are
what counts: the program gathers the evidence for or against a claim and does not judge it. It runs
on any chat model (`HOVER_MODEL`, as `init_chat_model` names them) and any corpus of passages
(`HOVER_CORPUS`, JSON lines of `title` and `text`, gzipped or not); without, on the passages that
ship in `evals/data`.
"""

import os
from functools import cache
from pathlib import Path
from typing import TypedDict

import retrieval
from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel
from langchain_core.prompts import ChatPromptTemplate
from langgraph.graph import START, StateGraph

PASSAGES = (7, 7, 10)  # a hop
DATA = Path(__file__).parents[1] / "evals" / "data"
SAMPLE = (DATA / "hotpotqa" / "corpus.jsonl", DATA / "hover" / "passages.jsonl")

SUMMARIZE1 = ChatPromptTemplate.from_template("""\
Summarize the passages with the claim in mind.

Claim: {claim}

Passages:
{passages}""")

CREATE_QUERY_HOP2 = """\
Write a search query for passages that help to check the claim, given the summary of a first search.

Claim: {claim}

Summary: {summary}"""

SUMMARIZE2 = ChatPromptTemplate.from_template("""\
Summarize the passages with the claim and the context in mind.

Claim: {claim}

Context: {context}

Passages:
{passages}""")

CREATE_QUERY_HOP3 = """\
Write a search query for passages that help to check the claim, given the summaries of two searches.

Claim: {claim}

Summary 1: {summary1}

Summary 2: {summary2}"""


class State(TypedDict, total=False):
    """`passages1` to `passages3` are what each hop found, best first, as `title | text`."""

    claim: str
    passages1: list[str]
    summary1: str
    query2: str
    passages2: list[str]
    summary2: str
    query3: str
    passages3: list[str]


@cache
def chat_model() -> BaseChatModel:
    """Made when first asked for, so that the graph can be looked at without a key."""
    return init_chat_model(os.environ.get("HOVER_MODEL", "openai:gpt-4.1-mini"))


def search(query: str, hop: int) -> list[str]:
    corpus = os.environ.get("HOVER_CORPUS")
    return retrieval.search(query, PASSAGES[hop - 1], *([Path(corpus)] if corpus else SAMPLE))


def retrieve1(state: State) -> State:
    return {"passages1": search(state["claim"], 1)}


def summarize1(state: State) -> State:
    chain = SUMMARIZE1 | chat_model()
    reply = chain.invoke({"claim": state["claim"], "passages": "\n\n".join(state["passages1"])})
    return {"summary1": reply.text}


def create_query_hop2(state: State) -> State:
    prompt = CREATE_QUERY_HOP2.format(claim=state["claim"], summary=state["summary1"])
    return {"query2": chat_model().invoke(prompt).text.strip()}


def retrieve2(state: State) -> State:
    return {"passages2": search(state["query2"], 2)}


def summarize2(state: State) -> State:
    chain = SUMMARIZE2 | chat_model()
    passages = "\n\n".join(state["passages2"])
    reply = chain.invoke({"claim": state["claim"], "context": state["summary1"], "passages": passages})
    return {"summary2": reply.text}


def create_query_hop3(state: State) -> State:
    prompt = CREATE_QUERY_HOP3.format(claim=state["claim"], summary1=state["summary1"], summary2=state["summary2"])
    return {"query3": chat_model().invoke(prompt).text.strip()}


def retrieve3(state: State) -> State:
    return {"passages3": search(state["query3"], 3)}


graph = (
    StateGraph(State)
    .add_sequence([retrieve1, summarize1, create_query_hop2, retrieve2, summarize2, create_query_hop3, retrieve3])
    .add_edge(START, "retrieve1")
    .compile(name="hover")
)
