"""Rollouts on LangGraph Server: the graph that serves them, and the evaluator that asks servers for them."""
