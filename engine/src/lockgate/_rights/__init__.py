"""From what was granted to what the kernel and the broker are told."""
