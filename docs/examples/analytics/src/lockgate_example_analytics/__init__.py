"""A kind analytics, and a sink that counts events."""
