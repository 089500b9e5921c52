"""Optimised texts back into the files they came from."""
