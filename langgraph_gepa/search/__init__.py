"""GEPA itself, pure: standard library and, for the posterior, numpy. No I/O, no clock. Randomness is an argument."""
