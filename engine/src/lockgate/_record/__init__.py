"""What a host writes down: calls, log lines, counts, states."""
