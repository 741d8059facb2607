"""Whether a plugin's code may start, and when it may start again."""
