"""Isolates a rollout: its own copies of the graph, of mutable state and of inputs, so that originals do not change."""
