"""From grants to what the kernel and the broker are told."""
