"""Graphs of ours under the optimizers of other packages."""
