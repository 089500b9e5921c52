"""The paper's PUPA program (PAPILLON) as a LangGraph graph: a private request answered with an untrusted model's help.

    rewrite -> ask -> answer

A trusted model rewrites the request so that it gives nobody away, an untrusted model replies to what it is sent, and
the trusted model answers from both. Invoke it with `{"request": ...}`; the final state holds the `answer`, and beside
it what was `sent` to the untrusted model and what was `received` from it. Both are any chat models, as
`init_chat_model` names them: `PUPA_MODEL`, which should run where private data may go, and `PUPA_UNTRUSTED_MODEL`.

PAPILLON: Siyan et al., NAACL 2025, https://arxiv.org/abs/2410.17127.
"""

import os
from functools import cache
from typing import TypedDict

from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel
from langgraph.graph import START, StateGraph

REWRITE = """\
Write a request to a powerful outside model that helps with a user's private request. Respect the user's privacy.

<private_request>
{request}
</private_request>"""

ANSWER = """\
Respond to the user's private request. A related request was put to a powerful outside model.

<private_request>
{request}
</private_request>

<outside_request>
{sent}
</outside_request>

<outside_reply>
{received}
</outside_reply>"""


class State(TypedDict, total=False):
    """`sent` is all that the untrusted model ever learns."""

    request: str
    sent: str
    received: str
    answer: str


@cache
def chat_model(variable: str) -> BaseChatModel:
    """The model that `variable` names, made when first asked for, so that the graph can be looked at without a key."""
    return init_chat_model(os.environ.get(variable, "openai:gpt-4.1-mini"))


def rewrite(state: State) -> State:
    prompt = REWRITE.format(request=state["request"])
    return {"sent": chat_model("PUPA_MODEL").invoke(prompt).text.strip()}


def ask(state: State) -> State:
    return {"received": chat_model("PUPA_UNTRUSTED_MODEL").invoke(state["sent"]).text.strip()}


def answer(state: State) -> State:
    prompt = ANSWER.format(request=state["request"], sent=state["sent"], received=state["received"])
    return {"answer": chat_model("PUPA_MODEL").invoke(prompt).text.strip()}


graph = StateGraph(State).add_sequence([rewrite, ask, answer]).add_edge(START, "rewrite").compile(name="pupa")
