"""Optimise the system prompt of an agent made with `create_agent`. Its house rules stand in no prompt yet.

Run it: `OPENAI_API_KEY=... python create_agent.py`; `OPENAI_BASE_URL` names another server.
"""

from langchain.agents import create_agent

from langgraph_gepa import Budget, optimize

PROMPT = "You decide on expense claims. Answer with one word: approve or reject."
BUDGET = Budget(rollouts=100)


def in_euros(amount: float, currency: str) -> float:
    """Convert an amount of money to euros."""
    return round(amount * {"EUR": 1.0, "USD": 0.9, "GBP": 1.2, "JPY": 0.006}[currency], 2)


CLAIMS = {
    "Dinner with a client, 80 EUR": ("approve", "meals are paid up to 100 euros"),
    "Lunch for the team, 12000 JPY": ("approve", "meals are paid up to 100 euros"),
    "Dinner with the board, 150 GBP": ("reject", "meals are paid up to 100 euros"),
    "Dinner for the winners, 180 USD": ("reject", "meals are paid up to 100 euros"),
    "Lunch with a supplier, 70 EUR with 30 EUR of wine": ("reject", "alcohol is never paid"),
    "Two beers at the airport, 14 USD": ("reject", "alcohol is never paid"),
    "Train to Lyon, 210 EUR": ("approve", "travel is paid in full"),
    "Flight to Boston, 700 USD": ("approve", "travel is paid in full"),
}
examples = [{"inputs": {"messages": [("user", claim)]}, "outputs": {"right": right}} for claim, right in CLAIMS.items()]


def metric(outputs, reference_outputs):
    (right, why), said = reference_outputs["right"], outputs["messages"][-1].text.strip().lower()
    return (1.0, "") if said == right else (0.0, f"It said {said!r}; right is {right!r}: {why}.")


agent = create_agent("openai:gpt-5-mini", [in_euros], system_prompt=PROMPT)
result = optimize(agent, examples[::2], examples[1::2], metric=metric, reflection_lm="openai:gpt-5", budget=BUDGET)
print(f"Before: {PROMPT}\n\nAfter: {''.join(result.prompts.values())}\n\nHow it got there: {result.report()}")
