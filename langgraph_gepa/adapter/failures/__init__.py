"""Failures of the world, which are never scored, and of the candidate, which are: told apart by the exception."""
