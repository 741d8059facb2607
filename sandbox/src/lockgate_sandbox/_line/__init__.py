"""The host's end of one worker: its calls under way, its limits, its end."""
