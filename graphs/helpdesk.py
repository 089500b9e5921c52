"""The support desk of the demo: a router on a conditional edge, a tool agent, a writer.

It lives in the package, so that `langgraph-gepa demo` works from an installed wheel; here it
stands beside the other graphs. It talks to OpenAI, or to whatever `OPENAI_BASE_URL` names.
"""

from langgraph_gepa.demo.helpdesk import build, graph

__all__ = ["build", "graph"]
