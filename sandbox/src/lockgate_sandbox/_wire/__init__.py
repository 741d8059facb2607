"""What goes between a host and a worker: frames, checked, and memory beside them."""
