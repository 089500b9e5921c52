"""The tools of a graph: what they do to the world outside the process, and what runs in their place."""
