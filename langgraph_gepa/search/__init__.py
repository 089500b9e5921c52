"""GEPA itself, pure: standard library only, no I/O, no clock. Randomness is an argument."""
