"""Optimise with evaluators you already have: those of LangSmith and openevals are metrics, alone or together.

Run it: `pip install openevals; OPENAI_API_KEY=... python langsmith_evaluator.py`; `OPENAI_BASE_URL` is optional.
"""

from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI
from langgraph.graph import StateGraph
from openevals.exact import exact_match
from typing_extensions import TypedDict

from langgraph_gepa import Budget, optimize

BILLS = {
    "Pay 40 euros by 3 May 2026": {"amount": "40.00 EUR", "due": "2026-05-03"},
    "$12.50, due 1 June 2026": {"amount": "12.50 USD", "due": "2026-06-01"},
    "£99 by 24 April 2026": {"amount": "99.00 GBP", "due": "2026-04-24"},
    "7 pounds until 9 July 2026": {"amount": "7.00 GBP", "due": "2026-07-09"},
    "€310, due 30 May 2026": {"amount": "310.00 EUR", "due": "2026-05-30"},
    "80 dollars by 2 May 2026": {"amount": "80.00 USD", "due": "2026-05-02"},
}
examples = [{"inputs": {"note": note}, "outputs": bill} for note, bill in BILLS.items()]
Note, Bill = TypedDict("Note", {"note": str}), TypedDict("Bill", {"amount": str, "due": str})


def fields(outputs: dict, reference_outputs: dict) -> dict:
    """An evaluator as `langsmith.evaluate` takes it. Its comment is what the reflection model learns from."""
    wrong = {field: right for field, right in reference_outputs.items() if outputs[field] != right}
    return {"key": "fields", "score": not wrong, "comment": f"{outputs} should have {wrong}" if wrong else "right"}


def metric(outputs: dict, reference_outputs: dict) -> list:
    return [fields(outputs, reference_outputs), exact_match(outputs=outputs, reference_outputs=reference_outputs)]


prompt = ChatPromptTemplate([("system", "Read the bill."), ("user", "{note}")])
read = prompt | ChatOpenAI(model="gpt-5-mini").with_structured_output(Bill)
graph = StateGraph(Note, output_schema=Bill).add_node("read", read).set_entry_point("read").compile()
result = optimize(graph, examples, metric=metric, reflection_lm="openai:gpt-5", budget=Budget(rollouts=60))
print(f"Before: Read the bill.\n\nAfter: {result.prompts['read']}\n\nHow it got there: {result.report()}")
