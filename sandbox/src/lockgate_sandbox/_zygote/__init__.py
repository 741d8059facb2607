"""The processes between host and worker, and what a forked child becomes."""
