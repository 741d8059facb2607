"""The virtual MicroPython board: `machine`, `time` and friends over virtual time."""
