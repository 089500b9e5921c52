"""Move a graph to another model: prompts tuned for the old model are tuned again, and have to clear a bar on the new.

Run it: `OPENAI_API_KEY=... python model_migration.py [EARLIER]`. EARLIER is the run that tuned them for the old model,
or its prompts.json. Below the bar it fails, so that a pipeline can decide by it.
"""

import sys

from langchain_openai import ChatOpenAI
from langgraph.graph import MessagesState, StateGraph

from langgraph_gepa import Budget, Feedback, evaluate, optimize

BAR = 0.9
LABEL = "Label the bug report: crash, wrong or wish. Answer with the label only."
REPLY = "Thank the user for this report in one sentence."
TUNED = sys.argv[1] if sys.argv[1:] else {"label": f"{LABEL} This is a crash, too: the program stops responding."}
REPORTS = {"Please add a dark theme": "wish", "It closes when I open a PDF": "crash", "Hangs on big files": "crash"}
REPORTS |= {"Freezes on start": "crash", "Hangs when saving": "crash", "The total is a cent off": "wrong"}
examples = [{"inputs": {"messages": [("user", text)]}, "outputs": {"label": right}} for text, right in REPORTS.items()]
model = ChatOpenAI(model="gpt-5-mini")  # the new model


def desk(state: MessagesState):
    return {"messages": [model.invoke([("system", prompt), *state["messages"]]) for prompt in (LABEL, REPLY)]}


def metric(outputs, reference_outputs):
    label, reply = (message.text for message in outputs["messages"][-2:])
    blame = {} if label == (right := reference_outputs["label"]) else {"label": f"This is a {right}."}
    blame |= {} if "ticket" in reply else {"reply": "The reply must say that a ticket was opened."}
    return Feedback(1 - len(blame) / 2, by_module=blame)


graph, how = StateGraph(MessagesState).add_node(desk).set_entry_point("desk").compile(), {"metric": metric}
result = optimize(graph, examples[:3], start=TUNED, reflection_lm="openai:gpt-5", budget=Budget(rollouts=60), **how)
old, new = (evaluate(graph, examples[3:], prompts=prompts, **how) for prompts in (TUNED, result.prompts))
print(*result.prompts.values(), sep="\n\n")
print(f"Seed {old.before.mean:.2f}, tuned for the old {old.after.mean:.2f}, now {new.after.mean:.2f}")
sys.exit(0 if new.after.mean >= BAR else f"Below {BAR}: do not migrate yet.")
