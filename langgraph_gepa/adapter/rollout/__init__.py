"""One example through one bound graph: run, watch, score."""
