"""What is found, and in which state."""
