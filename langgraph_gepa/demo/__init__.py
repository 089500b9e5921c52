"""The offline demo: a real graph with real tools, and a simulated model server."""
