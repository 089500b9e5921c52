"""Optimise on a data set of LangSmith, then compare before and after there with LangSmith's own `evaluate`.

Run it: `LANGSMITH_API_KEY=... OPENAI_API_KEY=... python evaluate.py`. It makes the data set if there is none.
"""

import asyncio

from helpdesk import EXAMPLES, graph, policy
from langsmith import Client, aevaluate, evaluate

from langgraph_gepa import Budget, optimize

client, name = Client(), "helpdesk"
if not client.has_dataset(dataset_name=name):
    made = client.create_dataset(name)
    client.create_examples(dataset_id=made.id, examples=EXAMPLES)

result = optimize(
    graph, f"langsmith:{name}", metric=policy, reflection_lm="openai:gpt-5", budget=Budget(rollouts=60), run="runs/desk"
)

# A graph with better prompts is a graph: everything that takes one takes it, in sync and in async code.
before = evaluate(graph, data=name, evaluators=[policy], experiment_prefix="before", client=client)
after = asyncio.run(aevaluate(result.graph, data=name, evaluators=[policy], experiment_prefix="after", client=client))
print(f"Compare {before.experiment_name} with {after.experiment_name} on the page of the data set {name}.")

# The same from what the search has paid for, without running anything:
print(result.log_experiments())
