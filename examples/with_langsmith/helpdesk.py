"""A graph that answers customers, a metric, and examples: what `evaluate.py` and `test_helpdesk.py` are about."""

from langchain_openai import ChatOpenAI
from langgraph.graph import StateGraph
from typing_extensions import TypedDict

from langgraph_gepa import Feedback

model = ChatOpenAI(model="gpt-5-mini")
REPLY = "Answer the customer."


class Ticket(TypedDict, total=False):
    question: str
    reply: str


def reply(ticket: Ticket) -> Ticket:
    return {"reply": model.invoke([("system", REPLY), ("user", ticket["question"])]).text}


graph = StateGraph(Ticket).add_node("reply", reply).set_entry_point("reply").compile(name="helpdesk")


def policy(outputs: dict, reference_outputs: dict) -> Feedback:
    """A metric of ours, and an evaluator of LangSmith's: `Feedback` is the dict that `langsmith.evaluate` expects."""
    missing = [word for word in reference_outputs["words"] if word not in outputs["reply"]]
    comment = " and ".join(f"must mention {word}" for word in missing)
    return Feedback(score=1 - len(missing) / len(reference_outputs["words"]), comment=comment)


QUESTIONS = ["Where is my parcel?", "It is broken.", "I was charged twice.", "Can I return it?", "It is late.", "Help!"]
EXAMPLES = [{"inputs": {"question": question}, "outputs": {"words": ["refund", "email"]}} for question in QUESTIONS]
