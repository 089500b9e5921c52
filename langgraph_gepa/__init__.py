"""Better prompts for an existing LangGraph graph, by reflective evolution (GEPA)."""
