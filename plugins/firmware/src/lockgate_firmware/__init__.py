"""Hardware specs become firmware, an SDK and a pin table.

`plugin` answers the host's hooks; everything else is a library that knows no host:
`spec` reads, `resolve` checks against one of the `boards` and picks the `parts`,
`generate` has `emit` write the files and `contract` what they promise.
"""
