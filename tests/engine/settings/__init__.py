"""The settings, and what they say to one plugin."""
