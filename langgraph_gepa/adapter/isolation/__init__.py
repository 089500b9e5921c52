"""What a rollout has of its own, so that nothing of the user's changes: copies of the graph, of its state and input."""
