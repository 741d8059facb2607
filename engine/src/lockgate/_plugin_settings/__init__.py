"""What the settings say to one plugin."""
