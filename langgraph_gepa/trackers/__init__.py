"""Runs in the trackers that people use: one module for each, and `tracking`, which keeps them off the search."""
