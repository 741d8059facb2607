"""A plugin behind the boundary, as the host holds it."""
