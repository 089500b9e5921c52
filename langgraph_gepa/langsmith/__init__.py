"""What LangSmith has and takes: data sets, logged runs, experiments, prompts.

In this package `langsmith` is the SDK, as imports are absolute. It is imported when it is needed.
"""
