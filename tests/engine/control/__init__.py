"""A running host's control socket."""
