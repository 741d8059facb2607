"""What runs in a sealed process."""
