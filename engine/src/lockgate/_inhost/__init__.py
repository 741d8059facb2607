"""A plugin of the trusted base, in the host's own process."""
