"""The asynchronous loop over ports."""
