"""What a host writes down."""
