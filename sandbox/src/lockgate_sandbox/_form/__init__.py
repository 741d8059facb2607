"""A policy as plain data and in words."""
