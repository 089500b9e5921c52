"""Search for outputs, not for prompts: the fastest right function for each task, by writing and running many.

Run it: `OPENAI_API_KEY=... python search_outputs.py`; `OPENAI_BASE_URL` names another server. It runs what the model
writes on this machine: `graphs/code_writer.py` says with which limits.
"""

from pathlib import Path

from langgraph_gepa import Budget, search_outputs

GRAPH = f"{Path(__file__).parents[1] / 'graphs' / 'code_writer.py'}:graph"
GOAL = 0.001  # seconds: what takes as long gets three quarters of the score

PRIMES = {
    "task": "primes(n): the list of all primes below n.",
    "tests": ["assert primes(12) == [2, 3, 5, 7, 11]", "assert primes(0) == []"],
    "speed": "primes(2000)",
}
PAIRS = {
    "task": "pairs(numbers, total): how many pairs of places i < j hold numbers that add up to total.",
    "tests": ["assert pairs([1, 2, 3, 2], 4) == 2", "assert pairs([], 0) == 0", "assert pairs([2, 2, 2], 4) == 3"],
    "speed": "pairs(list(range(600)), 599)",
}
tasks = [{"id": "primes", "inputs": PRIMES}, {"id": "pairs", "inputs": PAIRS}]


def metric(inputs, outputs):
    if outputs["error"]:
        share = outputs["passed"] / len(inputs["tests"])
        return share / 2, f"Wrong: {outputs['failed']} ends in {outputs['error']}"
    took = outputs["seconds"]
    return 0.5 + 0.5 * GOAL / (GOAL + took), f"Right, but {inputs['speed']} took {took:.4f} seconds: make it fast."


found = search_outputs(GRAPH, tasks, metric=metric, reflection_lm="openai:gpt-5", budget=Budget(rollouts=60))
for task, best in found.items():
    print(f"{task}, {best.score:.3f} after {best.output['seconds']:.5f} seconds:\n{best.output['code']}")
print(f"The prompt that is best on the whole: {found.result.prompts['write']}\n\nAll of it: {found.result.report()}")
