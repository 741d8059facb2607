"""Values to wire data and back, by declared types alone."""
