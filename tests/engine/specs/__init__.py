"""The hook specs as values."""
