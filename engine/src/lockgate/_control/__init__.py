"""A running host's control socket, both ends."""
