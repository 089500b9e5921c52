"""One run: its arguments, its folder, its result, and what is done with it."""
