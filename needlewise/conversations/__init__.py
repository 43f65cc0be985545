"""The log: what was heard and said, exactly once, redacted for reading and encrypted in full."""
