"""From a graph to its modules, and from texts to a new graph."""
