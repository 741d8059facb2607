"""Every plugin that was found, and what is asked in its name."""
