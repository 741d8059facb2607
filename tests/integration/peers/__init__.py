"""Peers' own test suites, run from outside with our parts in the place of theirs."""
