"""The hook specs as frozen values."""
