"""One hook call on its way."""
