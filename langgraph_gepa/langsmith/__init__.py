"""LangSmith: examples from data sets and logged runs, experiments and prompts to it.

In this package `langsmith` is the SDK, as imports are absolute. It is imported only when it is needed.
"""
