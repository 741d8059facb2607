"""Values to wire data and back."""
