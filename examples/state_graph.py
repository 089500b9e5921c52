"""Optimise a `StateGraph` of your own: two nodes, two prompts (one with a placeholder), feedback for each.

Run it: `OPENAI_API_KEY=... python state_graph.py`; `OPENAI_BASE_URL` names another server.
"""

from langchain_openai import ChatOpenAI
from langgraph.graph import MessagesState, StateGraph

from langgraph_gepa import Budget, Feedback, optimize

LABEL = "Label the bug report: crash, wrong or wish. Answer with the label only."
REPLY = "Thank the user for this report (a {label}) in one or two sentences."
REPORTS = {"It closes when I open a PDF": "crash", "Hangs for ever when saving": "crash", "Freezes on start": "crash"}
REPORTS |= {"The total is a cent off": "wrong", "It shows 1970": "wrong", "Please add a dark theme": "wish"}
examples = [{"inputs": {"messages": [("user", text)]}, "outputs": {"label": right}} for text, right in REPORTS.items()]
model = ChatOpenAI(model="gpt-5-mini")


class Desk(MessagesState):
    label: str


def label(state: Desk):
    return {"label": model.invoke([("system", LABEL), *state["messages"]]).text}


def reply(state: Desk):
    return {"messages": [model.invoke([("system", REPLY.format(label=state["label"])), *state["messages"]])]}


def metric(outputs, reference_outputs):
    right, promised = reference_outputs["label"], "ticket" in outputs["messages"][-1].text
    blame = {} if outputs["label"] == right else {"label": f"This is a {right}. What stops responding is a crash."}
    blame |= {} if promised else {"reply": "The reply must say that a ticket was opened."}
    return Feedback(1 - len(blame) / 2, by_module=blame)


graph = StateGraph(Desk).add_sequence([label, reply]).set_entry_point("label").compile()
result = optimize(graph, examples, metric=metric, reflection_lm="openai:gpt-5", budget=Budget(rollouts=80))
print(f"Before: {LABEL}\n{REPLY}\n\nAfter: {result.prompts['label']}\n{result.prompts['reply']}")
