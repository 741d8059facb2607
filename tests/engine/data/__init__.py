"""What the host keeps for a plugin."""
