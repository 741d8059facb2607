"""The static index and its pages."""
