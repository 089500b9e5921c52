"""Watching a rollout through callbacks: calls, payloads, the node and module of each, and texts put in at the call."""
