"""Graphs nobody here wrote, loaded, run and compared with their labels. Driven by `evals/bench/discovery.py`."""
