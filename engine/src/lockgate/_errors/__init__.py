"""Errors by what went wrong; all of them are public in `lockgate.errors`."""
