"""LangGraph and LangChain: finding, binding, watching and running graphs. Nothing else imports them."""
