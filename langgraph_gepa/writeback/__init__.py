"""Writes optimised texts back into the files that they came from."""
