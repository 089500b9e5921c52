"""The paper's HotpotQA program as a LangGraph graph: two hops of retrieval, four prompts.

    retrieve1 -> summarize1 -> create_query_hop2 -> retrieve2 -> summarize2 -> answer

Invoke it with `{"question": ...}`; the final state holds the `answer`, and beside it what every
hop found and said. It runs on any chat model (`HOTPOTQA_MODEL`, as `init_chat_model` names
them) and any corpus of passages (`HOTPOTQA_CORPUS`, JSON lines of `title` and `text`, gzipped
or not); without, on the passages that ship in `evals/data/hotpotqa`.
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

PASSAGES_A_HOP = 7
SAMPLE = Path(__file__).parents[1] / "evals" / "data" / "hotpotqa" / "corpus.jsonl"

SUMMARIZE1 = ChatPromptTemplate.from_template("""\
Summarize the passages with the question in mind.

Question: {question}

Passages:
{passages}""")

CREATE_QUERY_HOP2 = """\
Write a search query that helps to answer the question, given the summary of a first search.

Question: {question}

Summary: {summary}"""

SUMMARIZE2 = ChatPromptTemplate.from_template("""\
Summarize the passages with the question and the context in mind.

Question: {question}

Context: {context}

Passages:
{passages}""")

ANSWER = """\
Answer the question from the two summaries.

Question: {question}

Summary 1: {summary1}

Summary 2: {summary2}"""


class State(TypedDict, total=False):
    """`passages1` and `passages2` are what each hop found, best first, as `title | text`."""

    question: str
    passages1: list[str]
    summary1: str
    query2: str
    passages2: list[str]
    summary2: str
    answer: str


@cache
def chat_model() -> BaseChatModel:
    """Made when first asked for, so that the graph can be looked at without a key."""
    return init_chat_model(os.environ.get("HOTPOTQA_MODEL", "openai:gpt-4.1-mini"))


def search(query: str) -> list[str]:
    return retrieval.search(query, PASSAGES_A_HOP, Path(os.environ.get("HOTPOTQA_CORPUS", SAMPLE)))


def retrieve1(state: State) -> State:
    return {"passages1": search(state["question"])}


def summarize1(state: State) -> State:
    chain = SUMMARIZE1 | chat_model()
    reply = chain.invoke({"question": state["question"], "passages": "\n\n".join(state["passages1"])})
    return {"summary1": reply.text}


def create_query_hop2(state: State) -> State:
    prompt = CREATE_QUERY_HOP2.format(question=state["question"], summary=state["summary1"])
    return {"query2": chat_model().invoke(prompt).text.strip()}


def retrieve2(state: State) -> State:
    return {"passages2": search(state["query2"])}


def summarize2(state: State) -> State:
    chain = SUMMARIZE2 | chat_model()
    passages = "\n\n".join(state["passages2"])
    reply = chain.invoke({"question": state["question"], "context": state["summary1"], "passages": passages})
    return {"summary2": reply.text}


def answer(state: State) -> State:
    prompt = ANSWER.format(question=state["question"], summary1=state["summary1"], summary2=state["summary2"])
    return {"answer": chat_model().invoke(prompt).text.strip()}


graph = (
    StateGraph(State)
    .add_sequence([retrieve1, summarize1, create_query_hop2, retrieve2, summarize2, answer])
    .add_edge(START, "retrieve1")
    .compile(name="hotpotqa")
)
