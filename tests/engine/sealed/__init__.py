"""Plugins behind the boundary."""
