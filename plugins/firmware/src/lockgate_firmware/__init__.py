"""Hardware specs become firmware, an SDK and a pin table.

`plugin` answers the host's hooks; everything else is a library that knows no
host: `spec` reads, `resolve` checks against the board, `generate` writes.
"""
